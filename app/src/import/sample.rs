//! The sample that fills an empty store: the first 300 invoices of *Online Retail*, part of the binary.
//!
//! `app/sample/CITATION.md` names the source and the licence.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};

use catalog_api::v1::CatalogApi;
use offshoot_contract::CallContext;

use super::online_retail::{self, Modules, Options, Report};
use super::{Silent, Source};
use crate::config::{ModulePlacement, Sample, Settings};

const SAMPLE: &[u8] = include_bytes!("../../sample/online-retail-small.csv");

/// In the data directory while the sample is being loaded: the next start finishes what this one did not.
const UNFINISHED: &str = "sample.unfinished";

/// The sample as a file would be.
pub(crate) fn source() -> Source {
    Source::bytes("the sample", SAMPLE)
}

/// Loads the sample through the same importer as the whole file.
pub async fn load(modules: &Modules) -> Result<Report> {
    online_retail::run(modules, source(), Options::default(), &mut Silent).await
}

/// Loads the sample if the settings ask for it and the catalog is empty, or if an earlier start did not finish.
pub async fn load_if_wanted(settings: &Settings, modules: &Modules) -> Result<()> {
    let wanted = match settings.sample {
        Sample::Yes => true,
        Sample::No => false,
        Sample::Auto => keeps_its_data_here(settings),
    };
    let unfinished = settings.data_dir.join(UNFINISHED);
    if !wanted || !(unfinished.exists() || is_empty(&*modules.catalog).await?) {
        return Ok(());
    }
    note(&unfinished).with_context(|| format!("cannot write {}", unfinished.display()))?;
    let report = load(modules).await.context("the sample could not be loaded")?;
    fs::remove_file(&unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
    eprintln!(
        "the store was empty and has the sample now: {} products, {} sales",
        report.products().added,
        report.sales().recorded
    );
    Ok(())
}

fn keeps_its_data_here(settings: &Settings) -> bool {
    let here = |placement| matches!(placement, ModulePlacement::Local | ModulePlacement::Encoded);
    settings
        .modules
        .get("catalog")
        .is_some_and(|catalog| here(catalog.placement))
        && settings.database_of("catalog").is_none()
}

/// A catalog whose products are all discontinued looks empty too.
async fn is_empty(catalog: &dyn CatalogApi) -> Result<bool> {
    let cx = &mut CallContext::root("import");
    let page = catalog.browse(cx, None, None, Some(1), None).await;
    let page = page.map_err(|error| anyhow!("cannot ask whether the catalog is empty: {error}"))?;
    Ok(page.items.is_empty())
}

fn note(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, [])
}
