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
use super::strangler::StranglerCommand;
use super::token::TokenCommand;
#[cfg(feature = "store")]
use super::tools::Tool;
use crate::config::Flags;

/// A store in one process, whose modules can move into processes of their own.
#[derive(Debug, Parser)]
#[command(
    name = "offshoot",
    version,
    after_help = "\
Without a command, offshoot serves.

A command that works on an existing store names the store's directory or database on stderr, and refuses a place
without a store. `offshoot serve`, an import, a migration and a restored backup create a store.

Examples:
  offshoot
  offshoot import online-retail online-retail.csv.gz
  offshoot config

Next: `offshoot doctor` finds what is wrong, and each command has `--help`.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."
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

    /// Call a module in another process. Repeat the flag, or separate with commas, for several addresses and modules: a
    /// URL without MODULE= is one more address of the module before it. URL#zone=ZONE states the zone of an address.
    #[arg(long, global = true, value_name = "MODULE=URL", value_parser = addresses)]
    remote: Vec<Addresses>,

    /// Addresses where a module may be called later, written as in --remote; calls stay in this process at first.
    #[arg(long, global = true, value_name = "MODULE=URL", value_parser = addresses)]
    urls: Vec<Addresses>,

    /// Print the result as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the store, or some of its modules, until interrupted.
    #[command(after_help = "\
Serves the public API, and the contracts of the modules to other processes, at one address. Missing SQLite files are
created and old ones are migrated; a schema on Postgres is never changed. The first start writes a service key, a link
key and an operator's token into the data directory. Ctrl-C stops the process after the calls in flight.

Examples:
  offshoot serve --listen 127.0.0.1:8080
  offshoot serve --only catalog --listen 127.0.0.1:7101
  offshoot serve --only catalog --candidate --listen 127.0.0.1:7101
  offshoot serve --remote catalog=http://127.0.0.1:7101
  offshoot serve --encoded all

Next: `offshoot topology` prints where each module runs, `offshoot placement show` what a running process does.")]
    Serve(ServeArguments),

    #[cfg(feature = "store")]
    #[command(flatten)]
    Tool(Tool),

    /// Show and change where a running process executes the calls of its modules.
    #[command(
        subcommand,
        after_help = "\
Asks the admin surface of a process, with the operator's token in the data directory.

Examples:
  offshoot placement show
  offshoot placement set catalog remote

Next: `offshoot topology` prints where modules run from the settings, without a process."
    )]
    Placement(PlacementCommand),

    /// Move the execution of a running module to another process, step by step, and back.
    #[command(
        subcommand,
        after_help = "\
Asks the admin surface of a process, with the operator's token in the data directory. Each step forward has gates: facts
about the processes, and rates measured on the calls of users. A step back has none. Each change names the generation
that the command saw, so that a repeated command is one step.

States, on the way out: local, encoded, shadow, canary:1 to canary:99, remote, detached.

Examples:
  offshoot strangler plan catalog
  offshoot strangler status catalog --watch
  offshoot strangler rollback catalog

Next: `offshoot strangler plan catalog` says what to do first, and how long each state takes."
    )]
    Strangler(StranglerCommand),

    /// Print a header for curl: of an operator, of an order, or of a service.
    #[command(
        subcommand,
        after_help = "\
The header is secret. It comes from files in the data directory, which the first `offshoot serve` writes.

Examples:
  curl -H \"$(offshoot token operator)\" http://127.0.0.1:7070/admin/placement
  curl -H \"$(offshoot token service catalog)\" http://127.0.0.1:7101/modules/catalog/v1/products

Next: `offshoot placement show` asks the admin surface without curl."
    )]
    Token(TokenCommand),

    /// Print where each module runs and which modules call each other, from the settings alone.
    #[command(after_help = "\
Opens no data and asks no process.

Examples:
  offshoot topology
  offshoot topology --mermaid
  offshoot topology --remote catalog=http://127.0.0.1:7101

Next: `offshoot placement show` prints where calls of a running process go.")]
    Topology {
        /// Print a Mermaid flowchart.
        #[arg(long, conflicts_with = "json")]
        mermaid: bool,
    },

    /// Migrate, provision and inspect the modules' database schemas.
    #[command(after_help = "\
On Postgres the schemas are created by hand, before the first `offshoot serve`: provision once as an administrator, or
migrate with a login that may create roles. On SQLite `offshoot serve` creates and migrates the files itself.

Examples:
  offshoot db migrate --database postgres://user:password@localhost/store
  offshoot db status

Next: `offshoot serve` runs on the migrated database.")]
    Db(DbArguments),

    /// Show how far events are handled; retry, skip, replay or rebuild.
    #[command(
        subcommand,
        after_help = "\
Works on the databases, so that no process has to run. A running process notices a change within a second.

Examples:
  offshoot events status
  offshoot events dead-letters

Next: `offshoot events status` prints the reason of each subscription that does not advance."
    )]
    Events(EventsCommand),

    /// Show, retry and undo changes that span modules and have not ended.
    #[command(
        subcommand,
        after_help = "\
A saga is a change that spans modules, such as a checkout. Works on the databases, so that no process has to run; a
process that serves executes what `retry` and `undo` request.

Examples:
  offshoot sagas list
  offshoot sagas retry --stuck

Next: `offshoot sagas list` prints the sagas that have not ended."
    )]
    Sagas(SagasCommand),

    /// Back up the modules' data while the store serves; verify and restore backups.
    #[command(
        subcommand,
        after_help = "\
Examples:
  offshoot backup create --to /backups/2026-11-24
  offshoot backup verify /backups/2026-11-24
  offshoot backup restore /backups/2026-11-24 --dry-run

Next: `offshoot backup verify DIR` checks a backup before somebody needs it."
    )]
    Backup(BackupCommand),

    /// Find differences between the modules' data, and name the command that helps. Exit code 1 if something is wrong.
    #[command(after_help = "\
Reads the modules' data, a second time after a few seconds if processes work on it, and changes nothing. Finds: missing
migrations, a database that takes no writes, another store than the data directory remembers, processes that stopped
without deregistering, events without a position, subscriptions that are held, late, or without a worker, dead letters,
stale projections, sagas that are stuck or open for long, and strangler migrations that were halted or lost their
record.

Example:
  offshoot doctor --json

Next: run the command that a finding prints; `offshoot replay proofs` compares orders, stock and money.")]
    Doctor,

    /// Print the modules' contracts, compare them with the released ones, or test a server of a contract.
    #[command(
        subcommand,
        after_help = "\
Opens no data. Only `offshoot contract test` asks a server.

Examples:
  offshoot contract openapi catalog
  offshoot contract check --released modules
  offshoot contract test http://127.0.0.1:7101

Next: `offshoot contract check` before a release finds changes that break callers."
    )]
    Contract(ContractCommand),

    /// Print the effective settings and the origin of each.
    #[command(after_help = "\
A setting comes from the defaults, the file of `--config`, an environment variable or a flag; a later one wins.
Passwords are masked.

Examples:
  offshoot config
  OFFSHOOT__CARTS__TIME_TO_LIVE=1d offshoot config

Next: `offshoot topology` prints what the settings make of the modules.")]
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
            | Self::Strangler(_)
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
        for (module, _) in self.remote.iter().flatten() {
            flags.set("--remote", format!("modules.{module}.placement"), "remote");
        }
        for (flag, given) in [("--urls", &self.urls), ("--remote", &self.remote)] {
            for (module, _) in given.iter().flatten() {
                // Repeated flags add up.
                let urls = given
                    .iter()
                    .flatten()
                    .filter(|(name, _)| name == module)
                    .map(|(_, url)| url.as_str());
                let urls = urls.collect::<Vec<_>>().join(",");
                flags.set(flag, format!("modules.{module}.urls"), urls);
            }
        }
        flags
    }
}

/// Modules and URLs, one pair for each URL.
type Addresses = Vec<(String, String)>;

/// Parses a list such as `catalog=URL,URL,carts=URL`. The settings check the URLs.
fn addresses(text: &str) -> Result<Addresses, String> {
    let mut addresses = Addresses::new();
    for element in text.split(',').map(str::trim).filter(|element| !element.is_empty()) {
        // The zone of an address has an equals sign too, behind the colon of the scheme.
        let named = element.split_once('=').filter(|(name, _)| !name.contains(':'));
        let pair = match (named, addresses.last()) {
            (Some((name, url)), _) => {
                let module = module(name).map_err(|why| {
                    format!("`{name}` is not a module: {why}; a zone is written behind the URL, as URL#zone={name}")
                })?;
                (module, url.to_owned())
            }
            (None, Some((module, _))) => (module.clone(), element.to_owned()),
            (None, None) => return Err("it has the form MODULE=URL, such as catalog=http://127.0.0.1:7101".to_owned()),
        };
        addresses.push(pair);
    }
    if addresses.is_empty() {
        return Err("it has the form MODULE=URL, such as catalog=http://127.0.0.1:7101".to_owned());
    }
    Ok(addresses)
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
    fn a_list_of_addresses_names_one_module_or_several() {
        for flag in ["--remote", "--urls"] {
            let list = "catalog=http://a:1,http://b:2#zone=eu-1,carts=http://c:3,";
            let arguments = Arguments::try_parse_from(["offshoot", "serve", flag, list]).expect("valid");
            let settings = load_from(None, [], &arguments.flags()).expect("valid").settings;
            let urls = |module: &str| {
                let urls = settings.modules[module].urls.iter().map(ToString::to_string);
                urls.collect::<Vec<_>>()
            };
            assert_eq!(urls("catalog"), ["http://a:1", "http://b:2#zone=eu-1"]);
            assert_eq!(urls("carts"), ["http://c:3"]);
        }
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        for (line, part) in [
            ("offshoot serve --remote http://127.0.0.1:1", "MODULE=URL"),
            ("offshoot serve --remote ,", "MODULE=URL"),
            (
                "offshoot serve --remote catalog=http://127.0.0.1:1,eu-1=http://127.0.0.1:2",
                "`eu-1` is not a module: the modules are",
            ),
            ("offshoot serve --urls eu-1=http://127.0.0.1:2", "URL#zone=eu-1"),
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
