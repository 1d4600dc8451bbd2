//! Reads baskets from a file: the products of each invoice that the catalog sells. Knows no HTTP.

use std::collections::HashMap;

use anyhow::{Result, anyhow};

use carts_api::v1::{MAX_LINES, MAX_QUANTITY};
use catalog_api::ProductId;
use catalog_api::v1::CatalogApi;
use offshoot_contract::CallContext;

use crate::Modules;
use offshoot_import::Source;
use offshoot_import::online_retail::for_each_sold_line;

/// The basket of one invoice.
#[derive(Debug)]
pub(super) struct Basket {
    pub(super) invoice: String,
    pub(super) customer: String,
    pub(super) country: String,
    /// Units by product; each product once.
    pub(super) lines: Vec<(ProductId, u32)>,
}

/// Counts of lines and invoices that are not bought.
#[derive(Debug, Default, Clone, Copy, serde::Serialize)]
pub(super) struct Skipped {
    /// Lines of services, or of products that the catalog does not sell.
    pub lines: u64,
    /// Invoices without remaining lines, or with more lines than a cart holds.
    pub invoices: u64,
}

/// Reads the baskets in the order of the file, at most `limit`.
pub(super) async fn read(source: &Source, modules: &Modules, limit: usize) -> Result<(Vec<Basket>, Skipped)> {
    let ids = assortment(&*modules.catalog).await?;
    let source = source.clone();
    tokio::task::spawn_blocking(move || gather(&source, &ids, limit)).await?
}

fn gather(source: &Source, ids: &HashMap<String, ProductId>, limit: usize) -> Result<(Vec<Basket>, Skipped)> {
    let mut baskets: Vec<Basket> = Vec::new();
    let mut place_of: HashMap<String, usize> = HashMap::new();
    let mut skipped = Skipped::default();
    for_each_sold_line(source, |sold| {
        let invoice = String::from_utf8_lossy(sold.invoice).into_owned();
        let place = *place_of.entry(invoice).or_insert_with_key(|invoice| {
            baskets.push(Basket {
                invoice: invoice.clone(),
                customer: String::from_utf8_lossy(sold.customer).into_owned(),
                country: String::from_utf8_lossy(sold.country).into_owned(),
                lines: Vec::new(),
            });
            baskets.len() - 1
        });
        let id = std::str::from_utf8(sold.code).ok().and_then(|code| ids.get(code));
        let quantity = u32::try_from(sold.quantity).unwrap_or(u32::MAX);
        match id {
            None => skipped.lines += 1,
            Some(&id) => {
                let lines = &mut baskets[place].lines;
                match lines.iter_mut().find(|(other, _)| *other == id) {
                    Some((_, units)) => *units = units.saturating_add(quantity),
                    None => lines.push((id, quantity)),
                }
            }
        }
    })?;
    let all = baskets.len();
    for (_, units) in baskets.iter_mut().flat_map(|basket| &mut basket.lines) {
        *units = (*units).min(MAX_QUANTITY);
    }
    baskets.retain(|basket| (1..=MAX_LINES as usize).contains(&basket.lines.len()));
    skipped.invoices = (all - baskets.len()) as u64;
    baskets.truncate(limit);
    Ok((baskets, skipped))
}

/// Products of the catalog, by SKU.
async fn assortment(catalog: &dyn CatalogApi) -> Result<HashMap<String, ProductId>> {
    let mut ids = HashMap::new();
    let mut token = None;
    loop {
        let cx = &mut CallContext::root("replay");
        let page = catalog.browse(cx, None, None, Some(100), token).await;
        let page = page.map_err(|error| anyhow!("cannot list the products of the catalog: {error}"))?;
        ids.extend(page.items.into_iter().map(|product| (product.sku, product.id)));
        token = page.next_page_token;
        if token.is_none() {
            return Ok(ids);
        }
    }
}
