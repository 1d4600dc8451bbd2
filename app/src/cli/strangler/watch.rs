//! `offshoot strangler status --watch`: the status each second, until Ctrl-C.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::Result;
use tokio::signal::ctrl_c;
use tokio::time::sleep;

use super::{print_statuses, statuses};
use crate::cli::admin_surface::AdminSurface;

/// Pause between two statuses. Processes write their counts each second.
const REDRAW_INTERVAL: Duration = Duration::from_secs(1);
/// Moves the cursor to the first line and clears the terminal below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Prints the statuses again and again. A process that does not answer is asked again, so that a restart does not end the
/// watch.
pub(super) async fn repeat(surface: &AdminSurface<'_>, module: Option<&str>, json: bool) -> Result<()> {
    let is_terminal = std::io::stdout().is_terminal();
    loop {
        let found = tokio::select! {
            found = statuses(surface, module) => found,
            _ = ctrl_c() => return Ok(()),
        };
        if is_terminal {
            write!(std::io::stdout(), "{CLEAR}")?;
        }
        match found {
            Ok(found) => print_statuses(&found, module.is_some(), json)?,
            Err(error) => eprintln!("{error:#}; asking {} again", surface.root()),
        }
        // A closed pipe, such as `head` leaves behind, ends the watch.
        if !is_terminal && writeln!(std::io::stdout()).is_err() {
            return Ok(());
        }
        tokio::select! {
            () = sleep(REDRAW_INTERVAL) => {}
            _ = ctrl_c() => return Ok(()),
        }
    }
}
