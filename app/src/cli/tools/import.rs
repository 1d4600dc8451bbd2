//! `offshoot import`: connects to the modules, runs an importer, prints its report.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand};
use offshoot_contract::{Currency, SystemClock};

use offshoot_host::store_ids;
use offshoot_import::products::ColumnChoice;
use offshoot_import::{Checkpoint, Source, for_stderr, online_retail, products};

use super::super::print;
use super::{called, importable};
use crate::config::Settings;
use crate::serve::plans::follow_plans;
use crate::wiring::{self, Wired};

/// The modules that the importers fill, the catalog first.
const FILLED: [&str; 3] = ["catalog", "inventory", "orders"];

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ImportCommand {
    /// Import products, prices, stock, sales and credit notes from real invoice lines (the Online Retail data set).
    #[command(after_help = "\
An interrupted import continues where it stopped when the same command runs again.

Examples:
  offshoot import online-retail online-retail.csv.gz
  offshoot import online-retail online-retail.csv.gz --remote catalog=http://127.0.0.1:7101

Next: `offshoot replay online-retail online-retail.csv.gz --limit 100` buys the same baskets again.")]
    OnlineRetail(OnlineRetailArguments),

    /// Import products from any CSV file with a header line, JSON array of objects, or JSON lines.
    #[command(after_help = "\
Columns called sku (or id), name (or title), price, description, category and currency are found without `--column`.

Example:
  offshoot import products stock.csv --column sku=ProductCode --column price=UnitPrice

Next: `offshoot serve` sells the products.")]
    Products(ProductsArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OnlineRetailArguments {
    /// A CSV file, plain or gzip.
    file: PathBuf,

    /// Stop at the first malformed line.
    #[arg(long)]
    strict: bool,

    /// Send everything again, also lines that an earlier run has sent. For a store that was restored to an older state.
    #[arg(long)]
    from_start: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ProductsArguments {
    /// A CSV or JSON file, plain or gzip.
    file: PathBuf,

    /// Column that holds sku, name, price, description, category or currency.
    #[arg(long = "column", value_name = "FIELD=COLUMN")]
    columns: Vec<ColumnChoice>,

    /// Category of products without one.
    #[arg(long, default_value = "other")]
    category: String,

    /// Currency of prices without one. Default: the currency of the store.
    #[arg(long)]
    currency: Option<Currency>,

    /// Stop at the first invalid row.
    #[arg(long)]
    strict: bool,
}

pub(super) async fn execute(command: ImportCommand, settings: &Settings, json: bool) -> Result<ExitCode> {
    match command {
        ImportCommand::OnlineRetail(arguments) => online_retail(arguments, settings, json).await?,
        ImportCommand::Products(arguments) => products(arguments, settings, json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn online_retail(arguments: OnlineRetailArguments, settings: &Settings, json: bool) -> Result<()> {
    let source = Source::file(arguments.file);
    // Before anything is opened: a wrong path is the likeliest mistake.
    let fingerprint = source.fingerprint()?;
    let wired = connected(settings, &FILLED).await?;
    let modules = importable(&wired)?;
    let open = if arguments.from_start {
        Checkpoint::start_over
    } else {
        Checkpoint::open
    };
    let checkpoint = |file: String, modules: &[&str]| {
        let stores = modules
            .iter()
            .map(|module| store_ids::known(&settings.data_dir, module));
        let stores: Option<Vec<_>> = stores.collect::<Result<_>>()?;
        let names = stores.map(|stores| stores.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        Ok::<_, anyhow::Error>(names.map(|stores| open(&settings.data_dir, file, stores)))
    };
    let options = online_retail::Options {
        strict: arguments.strict,
        checkpoint: checkpoint(fingerprint.clone(), &FILLED[..1])?,
        books: checkpoint(format!("books-{fingerprint}"), &FILLED)?,
    };
    let report = online_retail::import(&modules, source, options, &mut *for_stderr()).await?;
    print(&report, &report.to_string(), json)
}

async fn products(arguments: ProductsArguments, settings: &Settings, json: bool) -> Result<()> {
    let options = products::Options {
        columns: arguments.columns.into(),
        category: arguments.category,
        currency: arguments.currency.unwrap_or(settings.currency),
        currencies: settings.all_currencies(),
        strict: arguments.strict,
    };
    let catalog = called(&connected(settings, &FILLED[..1]).await?, "import")?;
    let report = products::import(catalog, Source::file(arguments.file), options, &mut *for_stderr()).await?;
    print(&report, &report.to_string(), json)
}

/// Connects to the modules, routed by the plans of migrations. Those in `filled` must answer, so that the ids of their stores are known.
async fn connected(settings: &Settings, filled: &[&str]) -> Result<Wired> {
    let wired = wiring::connect(settings.host_options(Arc::new(SystemClock))?).await?;
    if let Some(strangler) = follow_plans(settings, &wired).await? {
        // An import lasts minutes, and a step back must reach it. The tasks end with the process.
        for job in strangler.jobs() {
            tokio::spawn(job);
        }
    }
    for module in wired.hosted.iter().filter(|module| filled.contains(&module.name)) {
        module
            .control
            .check()
            .await
            .map_err(|reason| anyhow::anyhow!("{}, {}, does not answer: {reason}", module.name, module.location))?;
        eprintln!("into {}, {}", module.name, module.location);
    }
    Ok(wired)
}
