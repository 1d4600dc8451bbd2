//! The grammar of the command line. `--help` shows the doc comments; each command adds its own.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use super::backup::BackupCommand;
use super::contract::ContractCommand;
use super::db::DbArguments;
use super::events::EventsCommand;
use super::module_name::module;
use super::placement::PlacementCommand;
use super::sagas::SagasCommand;
use super::serve::ServeArguments;
use super::token::TokenCommand;
#[cfg(feature = "store")]
use super::tools::Tool;
use crate::config::Flags;

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

    /// Directory of SQLite files and checkpoints.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Postgres URL for all modules. Without it each module has a SQLite file in the data directory.
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,

    /// A TOML file of settings that override the defaults.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Call a module in another process. Repeat the flag, or separate with commas, for several addresses.
    #[arg(long, global = true, value_name = "MODULE=URL", value_parser = remote)]
    remote: Vec<(String, String)>,

    /// Addresses where a module may be called later; calls stay in this process at first.
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
    #[command(flatten)]
    Tool(Tool),

    /// Show and change where a running process executes the calls of its modules.
    #[command(subcommand)]
    Placement(PlacementCommand),

    /// Print an authorization header for curl: an operator's, or a service's.
    #[command(subcommand)]
    Token(TokenCommand),

    /// Print where each module runs and which modules call each other, from the settings alone.
    Topology {
        /// Print a Mermaid flowchart.
        #[arg(long, conflicts_with = "json")]
        mermaid: bool,
    },

    /// Migrate, provision and inspect the modules' database schemas.
    Db(DbArguments),

    /// Show how far events are handled; retry, skip, replay or rebuild.
    #[command(subcommand)]
    Events(EventsCommand),

    /// Show, retry and undo changes that span modules and have not ended.
    #[command(subcommand)]
    Sagas(SagasCommand),

    /// Back up the modules' data while the store serves; verify and restore backups.
    #[command(subcommand)]
    Backup(BackupCommand),

    /// Find differences between the modules' data, and name the command that helps. Exit code 1 if something is wrong.
    #[command(
        after_help = "Reads the databases of the modules that run here, twice, a few seconds apart if processes work on them; changes nothing.\nFinds: missing migrations, a database that takes no writes, another store than remembered, processes that stopped without\nsaying so, events without a position, subscriptions that hold, read another log, are behind or ahead, that nobody works on,\nevents that were given up, old copies, sagas that are stuck or in flight for long.\n\nExample:\n  offshoot doctor --json"
    )]
    Doctor,

    /// Print the modules' contracts, or compare them with the released ones.
    #[command(subcommand)]
    Contract(ContractCommand),

    /// Print the effective settings and the origin of each.
    #[command(after_help = "Example:\n  OFFSHOOT__CARTS__TIME_TO_LIVE=1d offshoot config")]
    Config,
}

impl Command {
    /// Whether the command works on a store that exists already. The other commands create a store, print where they
    /// look for one, or need none.
    pub(super) fn requires_store(&self) -> bool {
        match self {
            Self::Events(_) | Self::Sagas(_) | Self::Doctor | Self::Backup(BackupCommand::Create { .. }) => true,
            #[cfg(feature = "store")]
            Self::Tool(tool) => matches!(tool, Tool::Replay(_)),
            Self::Backup(_)
            | Self::Config
            | Self::Contract(_)
            | Self::Db(_)
            | Self::Placement(_)
            | Self::Serve(_)
            | Self::Token(_)
            | Self::Topology { .. } => false,
        }
    }
}

impl Arguments {
    /// The configuration file.
    pub(super) fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The settings that the command line sets.
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
                // Repeated flags add up.
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
