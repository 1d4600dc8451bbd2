//! `offshoot import`: finds the catalog, runs the importer, prints its report.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use catalog_api::v1::CatalogApi;
use offshoot_contract::SystemClock;

use super::arguments::{ImportCommand, OnlineRetailArguments, ProductsArguments};
use super::print;
use crate::config::Settings;
use crate::import::{Checkpoint, Source, for_stderr, online_retail, products};
use crate::wiring;

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
    let catalog = catalog(settings).await?;
    let open = if arguments.from_start { Checkpoint::start_over } else { Checkpoint::open };
    let options = online_retail::Options {
        strict: arguments.strict,
        checkpoint: store_id(settings)?.map(|store| open(&settings.data_dir, fingerprint, store)),
    };
    let report = online_retail::run(catalog, source, options, &mut *for_stderr()).await?;
    print(&report, &report.to_string(), json)
}

async fn products(arguments: ProductsArguments, settings: &Settings, json: bool) -> Result<()> {
    let options = products::Options {
        columns: arguments.columns.into(),
        category: arguments.category,
        currency: arguments.currency.unwrap_or(settings.currency),
        strict: arguments.strict,
    };
    let catalog = catalog(settings).await?;
    let report = products::run(catalog, Source::file(arguments.file), options, &mut *for_stderr()).await?;
    print(&report, &report.to_string(), json)
}

/// The catalog, known to answer, so that its store is known too.
async fn catalog(settings: &Settings) -> Result<Arc<dyn CatalogApi>> {
    let wired = wiring::connect(settings, Arc::new(SystemClock)).await?;
    for module in wired.placed.iter().filter(|module| module.name == CATALOG) {
        (module.check)().await.map_err(|reason| anyhow::anyhow!("the catalog, {}, does not answer: {reason}", module.location))?;
        eprintln!("into the catalog, {}", module.location);
    }
    wired.catalog.context("the catalog is off here: say where it runs with `modules.catalog.placement` and `.url`")
}

const CATALOG: &str = "catalog";

/// The id of the catalog's store, which whoever opens or calls the catalog notes in the data directory.
fn store_id(settings: &Settings) -> Result<Option<String>> {
    let path = settings.data_dir.join(format!("{CATALOG}.store"));
    match std::fs::read_to_string(&path) {
        Ok(id) => Ok(Some(id.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
