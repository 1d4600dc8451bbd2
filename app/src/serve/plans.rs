//! The strangler of this process: built from the settings and from the modules that run here or are called from here.

use std::sync::Arc;

use offshoot_strangler::{Strangler, StranglerOptions};

use super::control::{Control, control_file, control_url, records_file};
use crate::config::Settings;
use crate::wiring::{self, Wired};

/// The strangler that routes the calls of `wired`. `None` without modules.
pub(super) fn strangler(settings: &Settings, wired: &Wired) -> anyhow::Result<Option<Arc<Strangler>>> {
    if wired.hosted.is_empty() {
        return Ok(None);
    }
    let implementations = wiring::implementations();
    let here = wired.hosted.iter().filter(|module| module.data.is_some());
    let candidate_for = here.filter(|_| settings.strangler.candidate);
    let options = StranglerOptions {
        instance: wired.instance,
        name: process_name(),
        implementations: implementations
            .iter()
            .map(|module| module.schema.module.to_owned())
            .collect(),
        candidate_for: candidate_for.map(|module| module.name.to_owned()).collect(),
        records_file: records_file(settings),
        heartbeat: settings.jobs.heartbeat(),
    };
    let routed = wired.hosted.iter().map(|module| Arc::clone(&module.routed)).collect();
    Ok(Some(Strangler::new(options, Arc::new(Control::new(settings)?), routed)))
}

/// Routes the calls of a command that runs modules itself, as the plans say. `None` if no module of the store was ever moved.
pub async fn follow_plans(settings: &Settings, wired: &Wired) -> anyhow::Result<Option<Arc<Strangler>>> {
    let file = control_file(&control_url(settings)?);
    let was_never_moved = file.is_some_and(|file| !file.exists()) && !records_file(settings).exists();
    if was_never_moved {
        return Ok(None);
    }
    let strangler = strangler(settings, wired)?;
    if let Some(strangler) = &strangler {
        strangler.begin().await;
    }
    Ok(strangler)
}

/// Host and process id.
fn process_name() -> String {
    let system = rustix::system::uname();
    format!("{} {}", system.nodename().to_string_lossy(), std::process::id())
}
