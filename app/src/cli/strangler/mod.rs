//! `offshoot strangler`: moves the execution of a module to another process and back, through the admin surface of a running
//! process.
//!
//! Reads the status first and sends the generation with each change. Decides nothing: the process applies every rule.

// The grammar and its help.
mod arguments;
mod help;
// Requests, and refusals with the next command.
mod accept;
mod changes;
mod refusal;
// Texts.
mod figures;
mod gates_text;
mod methods_text;
mod next_commands;
mod records_text;
mod status_text;
mod watch;
// What to do before a module can move.
mod forecast;
mod plan;
mod plan_text;
// Exact texts of the outputs that an operator reads at night.
#[cfg(test)]
mod texts_tests;

use anyhow::Result;
use http::Method;
use offshoot_strangler::store::DifferenceClass;
use offshoot_strangler::{Entry, Status};
use serde_json::Value;

pub(super) use self::arguments::StranglerCommand;
use self::arguments::{HistoryArguments, StatusArguments, Target};
use super::admin_surface::{AdminError, AdminSurface};
use super::print;
use crate::config::Settings;
use crate::serve::strangler::Outcome;

/// Path of the migrations.
const PATH: &str = "/admin/strangler";

pub(super) async fn execute(what: StranglerCommand, settings: &Settings, json: bool) -> Result<()> {
    match what {
        StranglerCommand::Plan(arguments) => plan::execute(arguments, settings, json).await,
        StranglerCommand::Status(arguments) => show_status(arguments, settings, json).await,
        StranglerCommand::Diffs { target } => {
            let asked = Asked::new(target, settings)?;
            let classes: Vec<DifferenceClass> = asked.get("/differences").await?;
            print(&classes, &records_text::differences(&asked.module, &classes), json)
        }
        StranglerCommand::History(arguments) => show_history(arguments, settings, json).await,
        StranglerCommand::Advance(arguments) => accept::advance(arguments, settings, json).await,
        change => changes::execute(change, settings, json).await,
    }
}

async fn show_status(arguments: StatusArguments, settings: &Settings, json: bool) -> Result<()> {
    let StatusArguments { module, watch, of } = arguments;
    let surface = AdminSurface::of(of, settings)?;
    if watch {
        return watch::repeat(&surface, module.as_deref(), json).await;
    }
    let statuses = statuses(&surface, module.as_deref()).await?;
    print_statuses(&statuses, module.is_some(), json)
}

async fn show_history(arguments: HistoryArguments, settings: &Settings, json: bool) -> Result<()> {
    let asked = Asked::new(arguments.target, settings)?;
    let part = format!("/history?above={}&limit={}", arguments.above, arguments.limit);
    let entries: Vec<Entry> = asked.get(&part).await?;
    print(&entries, &records_text::history(&asked.module, &entries), json)
}

/// The statuses of all modules, or of one.
async fn statuses(surface: &AdminSurface<'_>, module: Option<&str>) -> Result<Vec<Status>> {
    Ok(match module {
        None => surface.get(PATH).await.map_err(|error| refusal::explain(None, error))?,
        Some(module) => vec![status(surface, module).await?],
    })
}

/// The status of one module.
async fn status(surface: &AdminSurface<'_>, module: &str) -> Result<Status> {
    let found = surface.get(&format!("{PATH}/{module}")).await;
    found.map_err(|error| refusal::explain(Some(module), error))
}

fn print_statuses(statuses: &[Status], is_one: bool, json: bool) -> Result<()> {
    match statuses {
        [status] if is_one => print(status, &status_text::status(status), json),
        statuses => print(&statuses, &status_text::overview(statuses), json),
    }
}

/// A module, and the process that is asked about the module.
struct Asked<'a> {
    module: String,
    surface: AdminSurface<'a>,
}

impl<'a> Asked<'a> {
    fn new(target: Target, settings: &'a Settings) -> Result<Self> {
        Ok(Self {
            module: target.module,
            surface: AdminSurface::of(target.of, settings)?,
        })
    }

    /// Asks for a part of what is known about the module.
    async fn get<T: serde::de::DeserializeOwned>(&self, part: &str) -> Result<T> {
        let module = &self.module;
        let found = self.surface.get(&format!("{PATH}/{module}{part}")).await;
        found.map_err(|error| refusal::explain(Some(module), error))
    }

    async fn status(&self) -> Result<Status> {
        status(&self.surface, &self.module).await
    }

    /// Sends a verb. `fields` has the fields of the verb, and the generation that the operator saw.
    async fn send(&self, verb: &str, fields: &Value) -> Result<Outcome> {
        let module = &self.module;
        let sent: Result<_, AdminError> = self
            .surface
            .send(Method::POST, &format!("{PATH}/{module}/{verb}"), fields)
            .await;
        sent.map_err(|error| refusal::explain(Some(module), error))
    }
}
