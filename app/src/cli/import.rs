//! `offshoot import`: finds the catalog, runs the importer, prints its report.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use offshoot_contract::{Currency, SystemClock};

use super::print;
use crate::config::Settings;
use crate::import::products::ColumnChoice;
use crate::import::{Checkpoint, Source, for_stderr, online_retail, products};
use crate::serve::front::importable;
use crate::serve::store_ids;
use crate::wiring::{self, Wired};

/// What importers fill, the catalog first.
const FILLED: [&str; 3] = ["catalog", "inventory", "orders"];

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Products, prices, stock, sales and credit notes from real invoice lines (the Online Retail data set).
    #[command(
        after_help = "Examples:\n  offshoot import online-retail online-retail.csv.gz\n  offshoot import online-retail online-retail.csv.gz --remote catalog=http://127.0.0.1:7101"
    )]
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
    file: PathBuf,

    /// Stop at the first malformed line.
    #[arg(long)]
    strict: bool,

    /// Send everything again, even what an earlier run has brought: after the store was put back to an older state.
    #[arg(long)]
    from_start: bool,
}

#[derive(Debug, Args)]
pub(super) struct ProductsArguments {
    /// CSV or JSON, plain or gzip.
    file: PathBuf,

    /// Which column gives sku, name, price, description, category or currency.
    #[arg(long = "column", value_name = "FIELD=COLUMN")]
    columns: Vec<ColumnChoice>,

    /// The category of products that name none.
    #[arg(long, default_value = "other")]
    category: String,

    /// The currency of prices that name none. Without it, that of the store.
    #[arg(long)]
    currency: Option<Currency>,

    /// Stop at the first row that cannot be taken.
    #[arg(long)]
    strict: bool,
}

pub(super) async fn run(what: ImportCommand, settings: &Settings, json: bool) -> Result<()> {
    match what {
        ImportCommand::OnlineRetail(arguments) => online_retail(arguments, settings, json).await,
        ImportCommand::Products(arguments) => products(arguments, settings, json).await,
    }
}

async fn online_retail(arguments: OnlineRetailArguments, settings: &Settings, json: bool) -> Result<()> {
    let source = Source::file(arguments.file);
    // Before anything is opened: a wrong path is the likeliest mistake.
    let fingerprint = source.fingerprint()?;
    let wired = connected(settings, &FILLED).await?;
    let modules = importable(&wired).context(
        "catalog, inventory and orders must not be off: say where they run with --remote MODULE=http://HOST:PORT",
    )?;
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
    let report = online_retail::run(&modules, source, options, &mut *for_stderr()).await?;
    print(&report, &report.to_string(), json)
}

async fn products(arguments: ProductsArguments, settings: &Settings, json: bool) -> Result<()> {
    let options = products::Options {
        columns: arguments.columns.into(),
        category: arguments.category,
        currency: arguments.currency.unwrap_or(settings.currency),
        strict: arguments.strict,
    };
    let catalog = connected(settings, &FILLED[..1]).await?.catalog;
    let catalog = catalog.context("the catalog is off here")?;
    let report = products::run(catalog, Source::file(arguments.file), options, &mut *for_stderr()).await?;
    print(&report, &report.to_string(), json)
}

/// The modules, of which `filled` are known to answer, so that their stores are known too.
pub(super) async fn connected(settings: &Settings, filled: &[&str]) -> Result<Wired> {
    let wired = wiring::connect(settings, Arc::new(SystemClock)).await?;
    for module in wired.placed.iter().filter(|module| filled.contains(&module.name)) {
        module
            .place
            .check()
            .await
            .map_err(|reason| anyhow::anyhow!("{}, {}, does not answer: {reason}", module.name, module.location))?;
        eprintln!("into {}, {}", module.name, module.location);
    }
    Ok(wired)
}
