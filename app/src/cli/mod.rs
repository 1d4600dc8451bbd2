//! The command line: what is asked for, carried out, with data on stdout and everything else on stderr.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

// What can be said.
mod arguments;
// One file per command.
mod backup;
#[cfg(feature = "store")]
mod check;
mod contract;
mod databases;
mod db;
#[cfg(feature = "store")]
mod demo;
mod doctor;
mod events;
#[cfg(feature = "store")]
mod import;
mod placement;
#[cfg(feature = "store")]
mod replay;
mod sagas;
mod serve;
mod token;

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use offshoot_contract::{SPANS, SystemClock};
use offshoot_telemetry::spans_to;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

pub use self::arguments::Arguments;
use self::arguments::Command;
use self::serve::ServeArguments;
use crate::config::{self, Configuration, ConfigurationError, Settings, TelemetrySettings};
use crate::topology::Topology;

/// How long the last traces have to be sent.
const LAST_TRACES: Duration = Duration::from_secs(2);
/// Wrong usage or configuration, as clap has it for the former.
const MISUSE: u8 = 2;

/// Carries out the command line of this process.
pub async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let configuration = match config::load(arguments.file(), &arguments.flags()) {
        Ok(configuration) => configuration,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(MISUSE);
        }
    };
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

/// Logs to stderr what `RUST_LOG` says, warnings where it says nothing, and sends traces where the settings say.
fn log(settings: &Settings) -> Result<Option<Traces>> {
    let logs = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    let text = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(logs);
    let TelemetrySettings { otlp, service, .. } = &settings.telemetry;
    let traces = otlp.as_ref().map(|endpoint| spans_to(endpoint, service, SystemClock));
    let (layer, exporter) = traces.transpose().context("telemetry.otlp")?.unzip();
    let spans = layer.map(|layer| layer.with_filter(Targets::new().with_target(SPANS, Level::TRACE)));
    tracing_subscriber::registry().with(text).with(spans).init();
    Ok(exporter.map(|exporter| {
        let stop = CancellationToken::new();
        let sending = tokio::spawn(exporter.run(stop.clone().cancelled_owned()));
        Traces { stop, sending }
    }))
}

/// Traces that are being sent.
struct Traces {
    stop: CancellationToken,
    sending: JoinHandle<()>,
}

impl Traces {
    /// Sends what is left.
    async fn finish(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(LAST_TRACES, self.sending).await;
    }
}

async fn carry_out(arguments: Arguments, configuration: Configuration) -> Result<ExitCode> {
    let json = arguments.json;
    let settings = &configuration.settings;
    match arguments.command.unwrap_or(Command::Serve(ServeArguments::default())) {
        Command::Serve(_) => crate::serve::run(configuration.settings).await?,
        #[cfg(feature = "store")]
        Command::Import(what) => import::run(what, settings, json).await?,
        #[cfg(feature = "store")]
        Command::Demo(what) => return demo::run(&what, json).await,
        #[cfg(feature = "store")]
        Command::Replay(what) => return replay::run(what, settings, json).await,
        Command::Placement(what) => placement::run(what, settings, json).await?,
        Command::Token(what) => {
            let header = token::header(&what, settings)?;
            print(&header, &header, json)?;
        }
        Command::Topology { mermaid } => {
            let topology = Topology::of(settings)?;
            let text = if mermaid {
                topology.mermaid()
            } else {
                topology.to_string()
            };
            print(&topology, text.trim_end(), json)?;
        }
        Command::Db(what) => db::run(&what, settings, json).await?,
        Command::Events(what) => events::run(&what, settings, json).await?,
        Command::Sagas(what) => return sagas::run(&what, settings, json).await,
        Command::Backup(what) => return backup::run(what, settings, json).await,
        Command::Doctor => return doctor::run(settings, json).await,
        Command::Contract(what) => return contract::run(&what, json),
        #[cfg(feature = "store")]
        Command::Check(what) => return check::run(&what, json),
        Command::Config => {
            let shown = configuration.show();
            print(&shown, shown.to_string().trim_end(), json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the data of a command: as JSON where a script wants it, else as text. A reader that has seen enough, such as
/// `head`, is no failure.
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
