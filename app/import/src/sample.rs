//! Loads the sample into an empty store: the first 300 invoices of *Online Retail*, embedded in the binary.
//!
//! `app/import/sample/CITATION.md` names the source and the licence.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};

use catalog_api::v1::CatalogApi;
use offshoot_contract::CallContext;

use super::online_retail::{self, Modules, Options, Report};
use crate::progress::Silent;
use crate::source::Source;

const SAMPLE: &[u8] = include_bytes!("../sample/online-retail-small.csv");

/// File in the data directory while the sample loads. The next start finishes an interrupted load.
const UNFINISHED: &str = "sample.unfinished";

/// The sample as a source.
#[must_use]
pub fn source() -> Source {
    Source::bytes("the sample", SAMPLE)
}

/// Loads the sample through the same importer as the whole file.
pub async fn load(modules: &Modules) -> Result<Report> {
    online_retail::import(modules, source(), Options::default(), &mut Silent).await
}

/// Loads the sample if the catalog is empty, or if an earlier start did not finish loading it. `data_dir` keeps the mark
/// of an unfinished load. Prints a line to stderr when products were added.
pub async fn load_if_empty(data_dir: &Path, modules: &Modules) -> Result<()> {
    let unfinished = data_dir.join(UNFINISHED);
    if !(unfinished.exists() || is_empty(&*modules.catalog).await?) {
        return Ok(());
    }
    mark(&unfinished).with_context(|| format!("cannot write {}", unfinished.display()))?;
    let report = load(modules).await.context("the sample could not be loaded")?;
    remove(&unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
    eprintln!(
        "loaded the sample into the empty store: {} products, {} sales",
        report.products().added,
        report.sales().recorded
    );
    Ok(())
}

/// Whether the catalog sells nothing. A catalog with only discontinued products counts as empty.
async fn is_empty(catalog: &dyn CatalogApi) -> Result<bool> {
    let cx = &mut CallContext::root("import");
    let page = catalog.browse(cx, None, None, Some(1), None).await;
    let page = page.map_err(|error| anyhow!("cannot check whether the catalog is empty: {error}"))?;
    Ok(page.items.is_empty())
}

/// Another process that started at the same time may have removed the file.
fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn mark(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, [])
}
