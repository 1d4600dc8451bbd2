//! The command line. Data goes to stdout, everything else to stderr.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

// The grammar.
mod arguments;
mod module_name;
// Questions to the admin surface of a process, and places of data.
mod admin_surface;
mod database_url;
// One file per command.
mod backup;
mod contract;
mod control;
mod databases;
mod db;
mod doctor;
mod events;
#[cfg(all(test, feature = "store"))]
mod help_tests;
mod placement;
mod sagas;
mod serve;
mod store;
mod strangler;
mod token;
// Commands of the store: importers, replay, demo, check of sources.
#[cfg(feature = "store")]
mod tools;

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use offshoot_contract::{SPAN_TARGET, SystemClock};
use offshoot_telemetry::spans_to;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

pub use self::arguments::Arguments;
use self::arguments::Command;
use self::serve::ServeArguments;
use crate::config::{self, Configuration, ConfigurationError, Settings, TelemetrySettings};
use crate::serve::control::remembered_records;
use crate::topology::Topology;

/// Time limit for sending the last traces.
const LAST_TRACES: Duration = Duration::from_secs(2);
/// Exit code of wrong usage or configuration; clap exits with the same code.
const MISUSE: u8 = 2;

/// Executes the command line of this process.
///
/// Not `async`, on purpose: the compiler would make the code of all commands a second time for the binary.
#[must_use]
pub fn execute_command_line() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(execute()),
        Err(error) => {
            eprintln!("error: the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute() -> ExitCode {
    let arguments = Arguments::parse();
    let configuration = match config::load(arguments.file(), &arguments.flags()) {
        Ok(configuration) => configuration,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(MISUSE);
        }
    };
    for warning in &configuration.warnings {
        eprintln!("warning: {warning}");
    }
    let traces = match log(&configuration.settings) {
        Ok(traces) => traces,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(MISUSE);
        }
    };
    let code = carry_out(arguments, configuration).await.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        if error.is::<ConfigurationError>() {
            ExitCode::from(MISUSE)
        } else {
            ExitCode::FAILURE
        }
    });
    if let Some(traces) = traces {
        traces.finish().await;
    }
    code
}

/// Logs to stderr at the levels of `RUST_LOG`, by default warnings; exports traces if a collector is configured.
#[expect(
    clippy::disallowed_methods,
    reason = "the name that Rust programs share, and no setting of the store"
)]
fn log(settings: &Settings) -> Result<Option<Traces>> {
    let logs = log_levels(std::env::var("RUST_LOG").ok().as_deref())?;
    let text = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(logs);
    let TelemetrySettings { otlp, service, .. } = &settings.telemetry;
    let traces = otlp.as_ref().map(|endpoint| spans_to(endpoint, service, SystemClock));
    let (layer, exporter) = traces.transpose().context("telemetry.otlp")?.unzip();
    let spans = layer.map(|layer| layer.with_filter(Targets::new().with_target(SPAN_TARGET, Level::TRACE)));
    tracing_subscriber::registry().with(text).with(spans).init();
    Ok(exporter.map(|exporter| {
        let stop = CancellationToken::new();
        let sending = tokio::spawn(exporter.export_until(stop.clone().cancelled_owned()));
        Traces { stop, sending }
    }))
}

/// The log levels by target from the text of `RUST_LOG`.
fn log_levels(text: Option<&str>) -> Result<Targets> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(Targets::new().with_default(LevelFilter::WARN));
    };
    text.parse().with_context(|| {
        format!("RUST_LOG=`{text}` is not a valid list of log levels: use a level, or levels by target, such as `info` or `warn,orders=debug`")
    })
}

/// A running export of traces.
struct Traces {
    stop: CancellationToken,
    sending: JoinHandle<()>,
}

impl Traces {
    /// Sends the remaining spans.
    async fn finish(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(LAST_TRACES, self.sending).await;
    }
}

async fn carry_out(arguments: Arguments, configuration: Configuration) -> Result<ExitCode> {
    let json = arguments.json;
    let settings = &configuration.settings;
    let command = arguments.command.unwrap_or(Command::Serve(ServeArguments::default()));
    if command.requires_store() {
        store::require(settings).await?;
    }
    match command {
        Command::Serve(_) => crate::serve::serve_until_stopped(configuration.settings).await?,
        #[cfg(feature = "store")]
        Command::Tool(tool) => return tools::execute(tool, settings, json).await,
        Command::Placement(what) => placement::execute(what, settings, json).await?,
        Command::Strangler(what) => strangler::execute(what, settings, json).await?,
        Command::Token(what) => {
            let header = token::header(&what, settings)?;
            print(&header, &header, json)?;
        }
        Command::Topology { mermaid } => {
            let topology = Topology::from_settings(settings)?.with_migrations(&remembered_records(settings)?);
            let text = if mermaid {
                topology.mermaid()
            } else {
                topology.to_string()
            };
            print(&topology, text.trim_end(), json)?;
        }
        Command::Db(what) => db::execute(&what, settings, json).await?,
        Command::Events(what) => events::execute(&what, settings, json).await?,
        Command::Sagas(what) => return sagas::execute(&what, settings, json).await,
        Command::Backup(what) => return backup::execute(what, settings, json).await,
        Command::Doctor => return doctor::execute(settings, json).await,
        Command::Contract(what) => return contract::execute(&what, settings, json).await,
        Command::Config => {
            let shown = configuration.show();
            print(&shown, shown.to_string().trim_end(), json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the data of a command, as JSON or as text. A closed pipe, such as `head` leaves behind, is not an error.
fn print(data: &impl Serialize, text: &str, json: bool) -> Result<()> {
    let written = if json {
        let json = serde_json::to_string_pretty(data)?;
        writeln!(std::io::stdout(), "{json}")
    } else {
        writeln!(std::io::stdout(), "{text}")
    };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}
