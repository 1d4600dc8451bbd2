//! `offshoot placement`: shows and changes where a running process executes the calls of its modules.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Subcommand;
use http::Method;
use offshoot_contract::ServerUrl;

use super::admin_surface::AdminSurface;
use super::module_name::module;
use super::print;
use crate::config::Settings;
use crate::serve::admin::{ModulePlace, WantedPlace, placement};

/// Path of the placements.
const PATH: &str = "/admin/placement";

#[derive(Debug, Subcommand)]
pub(super) enum PlacementCommand {
    /// Print the placement of each module.
    #[command(after_help = "\
Prints where calls of each module are executed, the number of calls, and the state of each address.

Examples:
  offshoot placement show
  offshoot placement show --of http://127.0.0.1:7101

Next: `offshoot placement set catalog remote` moves the calls of a module.")]
    Show {
        /// Address of the process. Default: the process that the settings describe.
        #[arg(long, value_name = "URL")]
        of: Option<ServerUrl>,
    },

    /// Place later calls of a module. No call is dropped; calls in flight end where they are.
    #[command(after_help = "\
Before calls go to other processes, these are asked for their contract and their store, and must work on the same data:
their heartbeats must arrive in the database that this process has open. A restored copy has the same store id.
The process forgets the placement when it ends; a lasting placement stands in the settings.

Examples:
  offshoot placement set catalog remote
  offshoot placement set catalog remote --at http://127.0.0.1:7101
  offshoot placement set catalog local

Next: `offshoot placement show` prints the calls at each place.")]
    Set {
        /// The module.
        #[arg(value_parser = module)]
        module: String,

        /// local, encoded or remote.
        #[arg(value_parser = place)]
        place: String,

        /// Only these of the addresses that the process was started with.
        #[arg(long, value_name = "URL", value_delimiter = ',')]
        at: Vec<String>,

        /// Only if the placement has not changed since this generation, which `offshoot placement show` prints.
        #[arg(long, value_name = "NUMBER")]
        generation: Option<u64>,

        /// Even if no process answers there, or one of another store or contract, or on other data.
        #[arg(long)]
        force: bool,

        /// Address of the process. Default: the process that the settings describe.
        #[arg(long, value_name = "URL")]
        of: Option<ServerUrl>,
    },
}

pub(super) async fn execute(what: PlacementCommand, settings: &Settings, json: bool) -> Result<()> {
    let modules: Vec<ModulePlace> = match what {
        PlacementCommand::Show { of } => AdminSurface::of(of, settings)?.get(PATH).await?,
        PlacementCommand::Set {
            module,
            place,
            at,
            generation,
            force,
            of,
        } => {
            let wanted = WantedPlace {
                placement: place,
                urls: (!at.is_empty()).then_some(at),
                generation,
                force,
            };
            let surface = AdminSurface::of(of, settings)?;
            let placed: ModulePlace = surface.send(Method::PUT, &format!("{PATH}/{module}"), &wanted).await?;
            if let Some(checked) = &placed.checked {
                eprintln!("checked: {checked}");
            }
            vec![placed]
        }
    };
    print(&modules, table(&modules).trim_end(), json)
}

fn table(modules: &[ModulePlace]) -> String {
    let mut table = String::new();
    // Writing to a string cannot fail.
    for module in modules {
        let ModulePlace {
            placement,
            urls,
            generation,
            ..
        } = module;
        let _ = write!(table, "{:<10} {placement:<8} {:>8} calls", module.module, module.calls);
        if *generation > 0 {
            let _ = write!(table, ", generation {generation}");
        }
        if placement != "remote" && !urls.is_empty() {
            let _ = write!(table, ", may run at {}", urls.join(", "));
        }
        table.push('\n');
        for endpoint in &module.endpoints {
            let ejected = if endpoint.ejected {
                ", ejected after failed calls"
            } else {
                ""
            };
            let (url, calls, in_flight) = (&endpoint.url, endpoint.calls, endpoint.in_flight);
            let _ = writeln!(table, "{:>10} {url}: {calls} calls, {in_flight} in flight{ejected}", "");
        }
    }
    table
}

fn place(text: &str) -> Result<String, String> {
    placement(text).map_or_else(
        || Err("the places are local, encoded and remote".to_owned()),
        |placement| Ok(placement.as_str().to_owned()),
    )
}
