//! What can be said on the command line. `--help` shows these texts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use offshoot_contract::Currency;

use crate::config::{Flags, module_names};
use crate::import::products::ColumnChoice;

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

    /// Bring data into the store. Can be broken off and repeated.
    #[command(subcommand)]
    Import(ImportCommand),

    /// Look after the modules' database schemas.
    #[command(subcommand)]
    Db(DbCommand),

    /// Look at the modules' contracts.
    #[command(subcommand)]
    Contract(ContractCommand),

    /// Print the settings that hold and where each came from.
    #[command(after_help = "Example:\n  OFFSHOOT__CARTS__TIME_TO_LIVE=1d offshoot config")]
    Config,
}

#[derive(Debug, Default, Args)]
pub(super) struct ServeArguments {
    /// Address and port to answer at. Port 0 takes a free one; stdout says which.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Run only these modules here. Those that run elsewhere stay there.
    #[arg(long, value_name = "MODULE", value_delimiter = ',', value_parser = module)]
    only: Vec<String>,

    /// Call a module in another process.
    #[arg(long, value_name = "MODULE=URL", value_parser = remote)]
    remote: Vec<(String, String)>,

    /// Run a module here, but through its REST encoding and back.
    #[arg(long, value_name = "MODULE|all", value_parser = module_or_all)]
    encoded: Vec<String>,

    /// Whether to fill an empty catalog with the sample.
    #[arg(long)]
    sample: Option<YesOrNo>,

    /// Listen on an address that other machines reach, for this reason.
    #[arg(long, value_name = "TEXT")]
    listen_publicly_because: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum YesOrNo {
    Yes,
    No,
}

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Products and their price history from real invoice lines (the Online Retail data set).
    #[command(after_help = "Example:\n  offshoot import online-retail online-retail.csv.gz")]
    OnlineRetail(OnlineRetailArguments),

    /// Products from any CSV file with a header line, JSON array of objects, or JSON lines.
    #[command(
        after_help = "Columns called sku (or id), name (or title), price, description, category and currency are found by themselves.\n\nExample:\n  offshoot import products stock.csv --column sku=ProductCode --column price=UnitPrice"
    )]
    Products(ProductsArguments),
}

#[derive(Debug, Args)]
pub(super) struct OnlineRetailArguments {
    /// CSV, plain or gzip.
    pub(super) file: PathBuf,

    /// Stop at the first malformed line.
    #[arg(long)]
    pub(super) strict: bool,

    /// Send everything again, even what an earlier run has brought: after the store was put back to an older state.
    #[arg(long)]
    pub(super) from_start: bool,
}

#[derive(Debug, Args)]
pub(super) struct ProductsArguments {
    /// CSV or JSON, plain or gzip.
    pub(super) file: PathBuf,

    /// Which column gives sku, name, price, description, category or currency.
    #[arg(long = "column", value_name = "FIELD=COLUMN")]
    pub(super) columns: Vec<ColumnChoice>,

    /// The category of products that name none.
    #[arg(long, default_value = "other")]
    pub(super) category: String,

    /// The currency of prices that name none. Without it, that of the store.
    #[arg(long)]
    pub(super) currency: Option<Currency>,

    /// Stop at the first row that cannot be taken.
    #[arg(long)]
    pub(super) strict: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Bring the schemas up to date. The login needs the right to create roles and schemas.
    #[command(after_help = "Example:\n  offshoot db migrate --database postgres://admin@localhost/store")]
    Migrate,

    /// Print how every migration stands.
    #[command(after_help = "Example:\n  offshoot db status --json")]
    Status,
}

#[derive(Debug, Subcommand)]
pub(super) enum ContractCommand {
    /// Print the OpenAPI 3.1 document of a module's contract.
    #[command(after_help = "Example:\n  offshoot contract openapi catalog > catalog.json")]
    Openapi {
        /// The module.
        #[arg(value_parser = module)]
        module: String,
    },

    /// Print the description of a module's contract as JSON.
    #[command(after_help = "Example:\n  offshoot contract show carts")]
    Show {
        /// The module.
        #[arg(value_parser = module)]
        module: String,
    },

    /// Compare the contracts of this binary with those released: what would break their callers? Exit code 1 if anything.
    #[command(after_help = "Example:\n  offshoot contract check catalog --released modules")]
    Check {
        /// Only this module.
        #[arg(value_parser = module)]
        module: Option<String>,

        /// Holds the released descriptions: <MODULE>/api/contract/v<MAJOR>.<MINOR>.json.
        #[arg(long, value_name = "DIR", default_value = "modules")]
        released: PathBuf,
    },
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
        flags
    }
}

impl ServeArguments {
    fn add_to(&self, flags: &mut Flags) {
        if let Some(listen) = self.listen {
            flags.set("--listen", "listen", listen.to_string());
        }
        if let Some(sample) = self.sample {
            flags.set("--sample", "sample", if matches!(sample, YesOrNo::Yes) { "yes" } else { "no" });
        }
        if let Some(reason) = &self.listen_publicly_because {
            flags.set("--listen-publicly-because", "allow_public_listen", reason);
        }
        flags.only(&self.only);
        let all = self.encoded.iter().any(|module| module == ALL);
        for module in if all { module_names() } else { self.encoded.clone() } {
            flags.set("--encoded", format!("modules.{module}.placement"), "encoded");
        }
        for (module, url) in &self.remote {
            flags.set("--remote", format!("modules.{module}.placement"), "remote");
            flags.set("--remote", format!("modules.{module}.url"), url);
        }
    }
}

/// Instead of a module's name: every module.
const ALL: &str = "all";

fn module(name: &str) -> Result<String, String> {
    let known = module_names();
    if known.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(format!("the modules are {}", known.join(", ")))
}

fn module_or_all(name: &str) -> Result<String, String> {
    if name == ALL { Ok(name.to_owned()) } else { module(name) }
}

fn remote(text: &str) -> Result<(String, String), String> {
    let (name, url) = text.split_once('=').ok_or("it has the form MODULE=URL, such as catalog=http://127.0.0.1:7101")?;
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
        assert_eq!(placements("offshoot serve --remote catalog=http://127.0.0.1:1"), [Remote, Local]);
        assert_eq!(placements("offshoot serve --only carts --remote catalog=http://127.0.0.1:1"), [Remote, Local]);
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        for (line, part) in [
            ("offshoot serve --only catalogue", "the modules are"),
            ("offshoot serve --remote catalog", "MODULE=URL"),
            ("offshoot contract show orders", "the modules are"),
            ("offshoot import products x.csv --column colour=Color", "`colour` is not a field: sku, name"),
            ("offshoot import products x.csv --currency pounds", "ISO 4217"),
        ] {
            let error = Arguments::try_parse_from(line.split(' ')).expect_err(line).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
