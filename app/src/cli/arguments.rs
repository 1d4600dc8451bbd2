//! What can be said on the command line; each command adds what is its own. `--help` shows these texts.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use super::backup::BackupCommand;
#[cfg(feature = "store")]
use super::check::CheckArguments;
use super::contract::ContractCommand;
use super::db::DbArguments;
#[cfg(feature = "store")]
use super::demo::DemoCommand;
use super::events::EventsCommand;
#[cfg(feature = "store")]
use super::import::ImportCommand;
use super::placement::PlacementCommand;
#[cfg(feature = "store")]
use super::replay::ReplayCommand;
use super::sagas::SagasCommand;
use super::serve::ServeArguments;
use super::token::TokenCommand;
use crate::config::{Flags, module_names};

/// A store in one process, whose modules can move into processes of their own.
#[derive(Debug, Parser)]
#[command(
    name = "offshoot",
    version,
    after_help = "Without a command: serve.\n\nExamples:\n  offshoot\n  offshoot import online-retail online-retail.csv.gz\n  offshoot config\n\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    /// Where SQLite files and checkpoints are kept.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Postgres URL for all modules. Without it each has a SQLite file in the data directory.
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,

    /// Settings that override the defaults, as TOML.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Call a module in another process; more than once, or with commas, in any of several.
    #[arg(long, global = true, value_name = "MODULE=URL", value_parser = remote)]
    remote: Vec<(String, String)>,

    /// Where a module may be called too, without calling it there from the start.
    #[arg(long, global = true, value_name = "MODULE=URL", value_parser = remote)]
    urls: Vec<(String, String)>,

    /// Print the result as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the store, or some of its modules, until interrupted.
    #[command(
        after_help = "Examples:\n  offshoot serve --listen 127.0.0.1:8080\n  offshoot serve --only catalog --listen 127.0.0.1:7101\n  offshoot serve --remote catalog=http://127.0.0.1:7101\n  offshoot serve --encoded all"
    )]
    Serve(ServeArguments),

    #[cfg(feature = "store")]
    /// Bring data into the store. Can be broken off and repeated.
    #[command(subcommand)]
    Import(ImportCommand),

    #[cfg(feature = "store")]
    /// Buy what a real shop sold, live, and prove that nothing was lost.
    #[command(subcommand)]
    Replay(ReplayCommand),

    #[cfg(feature = "store")]
    /// Show what the store can do, in a temporary folder.
    #[command(subcommand)]
    Demo(DemoCommand),

    /// See and change where a running process executes its modules' calls.
    #[command(subcommand)]
    Placement(PlacementCommand),

    /// Print a header that lets operators, or services, in: for curl.
    #[command(subcommand)]
    Token(TokenCommand),

    /// Print which module runs where and who calls whom, as the settings have it.
    Topology {
        /// As a Mermaid flowchart.
        #[arg(long, conflicts_with = "json")]
        mermaid: bool,
    },

    /// Look after the modules' database schemas.
    Db(DbArguments),

    /// See how far events are handled, and decide about those that cannot be.
    #[command(subcommand)]
    Events(EventsCommand),

    /// See and push changes that span modules and are not over yet.
    #[command(subcommand)]
    Sagas(SagasCommand),

    /// Back the modules' data up while the store serves, check a backup, put it back.
    #[command(subcommand)]
    Backup(BackupCommand),

    /// Say what differs between the modules' data, and the command that helps. Exit code 1 if something is wrong.
    #[command(
        after_help = "Reads the databases of the modules that run here, twice, a few seconds apart if processes work on them; changes nothing.\nFinds: missing migrations, a database that takes no writes, another store than remembered, processes that stopped without\nsaying so, events without a position, subscriptions that hold, read another log, are behind or ahead, that nobody works on,\nevents that were given up, old copies, sagas that are stuck or in flight for long.\n\nExample:\n  offshoot doctor --json"
    )]
    Doctor,

    /// Look at the modules' contracts.
    #[command(subcommand)]
    Contract(ContractCommand),

    #[cfg(feature = "store")]
    /// Find in sources what would keep a module from moving out.
    #[command(after_long_help = super::check::HELP)]
    Check(CheckArguments),

    /// Print the settings that hold and where each came from.
    #[command(after_help = "Example:\n  OFFSHOOT__CARTS__TIME_TO_LIVE=1d offshoot config")]
    Config,
}

impl Arguments {
    /// The configuration file.
    pub(super) fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// What the command line says about settings.
    pub(super) fn flags(&self) -> Flags {
        let mut flags = Flags::default();
        if let Some(folder) = &self.data_dir {
            flags.set("--data-dir", "data_dir", folder.to_string_lossy());
        }
        if let Some(url) = &self.database {
            flags.set("--database", "database", url);
        }
        if let Some(Command::Serve(serve)) = &self.command {
            serve.add_to(&mut flags);
        }
        for (module, _) in &self.remote {
            flags.set("--remote", format!("modules.{module}.placement"), "remote");
        }
        for (flag, given) in [("--urls", &self.urls), ("--remote", &self.remote)] {
            for (module, _) in given {
                // Given more than once, they add up.
                let urls = given
                    .iter()
                    .filter(|(name, _)| name == module)
                    .map(|(_, url)| url.as_str());
                let urls = urls.collect::<Vec<_>>().join(",");
                flags.set(flag, format!("modules.{module}.urls"), urls);
            }
        }
        flags
    }
}

/// A module of the store, by its name.
pub(super) fn module(name: &str) -> Result<String, String> {
    let known = module_names();
    if known.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(format!("the modules are {}", known.join(", ")))
}

/// A module whose implementation is part of this binary.
pub(super) fn built_module(name: &str) -> Result<String, String> {
    let name = module(name)?;
    let built: Vec<_> = crate::wiring::schemas().iter().map(|schema| schema.module).collect();
    if built.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(format!("this binary is built without it: it has {}", built.join(", ")))
}

fn remote(text: &str) -> Result<(String, String), String> {
    let (name, url) = text
        .split_once('=')
        .ok_or("it has the form MODULE=URL, such as catalog=http://127.0.0.1:7101")?;
    Ok((module(name)?, url.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::config::{ModulePlacement, load_from};

    fn placements(line: &str) -> [ModulePlacement; 2] {
        let arguments = Arguments::try_parse_from(line.split(' ')).expect("valid");
        let settings = load_from(None, [], &arguments.flags()).expect("valid").settings;
        ["catalog", "carts"].map(|module| settings.modules[module].placement)
    }

    #[test]
    fn every_command_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_place_modules() {
        use ModulePlacement::{Encoded, Local, Off, Remote};
        assert_eq!(placements("offshoot"), [Local, Local]);
        assert_eq!(placements("offshoot serve --encoded all"), [Encoded, Encoded]);
        assert_eq!(placements("offshoot serve --only catalog"), [Local, Off]);
        assert_eq!(
            placements("offshoot serve --remote catalog=http://127.0.0.1:1"),
            [Remote, Local]
        );
        assert_eq!(
            placements("offshoot serve --only carts --remote catalog=http://127.0.0.1:1"),
            [Remote, Local]
        );
    }

    #[test]
    fn addresses_that_are_given_one_by_one_add_up() {
        let line = "offshoot serve --remote catalog=http://127.0.0.1:1 --urls carts=http://127.0.0.1:2 \
                    --remote catalog=http://127.0.0.1:3";
        let arguments = Arguments::try_parse_from(line.split_whitespace()).expect("valid");
        let settings = load_from(None, [], &arguments.flags()).expect("valid").settings;
        let urls = ["catalog", "carts"].map(|module| settings.modules[module].urls.len());
        assert_eq!(urls, [2, 1]);
        assert_eq!(settings.modules["carts"].placement, ModulePlacement::Local);
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        for (line, part) in [
            ("offshoot serve --only catalogue", "the modules are"),
            ("offshoot serve --remote catalog", "MODULE=URL"),
            (
                "offshoot import products x.csv --remote stock=http://127.0.0.1:1",
                "the modules are",
            ),
            ("offshoot contract show reviews", "the modules are"),
            (
                "offshoot import products x.csv --column colour=Color",
                "`colour` is not a field: sku, name",
            ),
            ("offshoot import products x.csv --currency pounds", "ISO 4217"),
        ] {
            let error = Arguments::try_parse_from(line.split(' ')).expect_err(line).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
