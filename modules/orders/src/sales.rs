//! Sales that were made elsewhere: which are acceptable, and what became of each. Knows no database; every function is
//! pure.

use std::collections::{BTreeMap, HashMap};

use offshoot_contract::{CallFailure, Money, Timestamp};
use orders_api::OrderId;
use orders_api::v1::{MAX_NAME_CHARS, MAX_NUMBER_BYTES, Revenue, RevenueRow, Sale, SaleKind, SaleLine, SaleOutcome};

use crate::domain::is_name;

/// Longest SKU or code, bytes: as in the catalog.
const MAX_SKU_BYTES: usize = 64;
/// Longest name of a line, characters: as in the catalog.
const MAX_LINE_NAME_CHARS: usize = 200;
/// Most units in one line, either way. The largest real one on record is 80,995.
const MAX_QUANTITY: u64 = 1_000_000;

/// A sale that may be recorded.
#[derive(Debug)]
pub(crate) struct AcceptedSale {
    pub(crate) id: OrderId,
    pub(crate) sale: Sale,
    pub(crate) total: Money,
}

/// The order that has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) id: OrderId,
    pub(crate) total: Money,
}

/// The sales of one call.
pub(crate) struct Recording {
    /// One per number, the first of the call, in the order of the number: whoever records several sales locks them in
    /// the same order.
    accepted: Vec<AcceptedSale>,
    items: Vec<Result<Item, SaleOutcome>>,
}

struct Item {
    number: String,
    total: Money,
    id: OrderId,
}

impl Recording {
    /// Judges each sale by itself and against those before it.
    pub(crate) fn of(sales: Vec<Sale>, now: Timestamp) -> Self {
        let mut accepted = BTreeMap::new();
        let mut items = Vec::with_capacity(sales.len());
        for sale in sales {
            items.push(total(&sale, now).map(|total| {
                let id = OrderId::new(sale.at);
                let number = sale.number.clone();
                accepted
                    .entry(number.clone())
                    .or_insert(AcceptedSale { id, sale, total });
                Item { number, total, id }
            }));
        }
        Self {
            accepted: accepted.into_values().collect(),
            items,
        }
    }

    pub(crate) fn accepted(&self) -> &[AcceptedSale] {
        &self.accepted
    }

    /// The sales that are recorded by this call, and what became of each item, given who has each number now.
    pub(crate) fn outcomes(self, holders: &HashMap<String, Holder>) -> (Vec<AcceptedSale>, Vec<SaleOutcome>) {
        let outcome = |item: Item| {
            let holder = holders
                .get(&item.number)
                .expect("an accepted number was added just now or is held by another");
            if holder.id == item.id {
                SaleOutcome::Recorded { id: holder.id }
            } else if holder.total == item.total {
                SaleOutcome::Known { id: holder.id }
            } else {
                SaleOutcome::Differs { id: holder.id }
            }
        };
        let outcomes = self
            .items
            .into_iter()
            .map(|item| item.map_or_else(|rejected| rejected, outcome));
        let outcomes = outcomes.collect();
        let mut mine = self.accepted;
        mine.retain(|sale| {
            holders
                .get(&sale.sale.number)
                .is_some_and(|holder| holder.id == sale.id)
        });
        (mine, outcomes)
    }
}

/// What the lines come to, or what is wrong with the sale.
fn total(sale: &Sale, now: Timestamp) -> Result<Money, SaleOutcome> {
    let rejected = |field: String, reason: String| SaleOutcome::Rejected { field, reason };
    let plain = |field: &str, reason: String| rejected(field.to_owned(), reason);
    if !(1..=MAX_NUMBER_BYTES).contains(&sale.number.len()) || !sale.number.bytes().all(|byte| byte.is_ascii_graphic())
    {
        let reason = format!("is not 1 to {MAX_NUMBER_BYTES} printable ASCII characters without blanks");
        return Err(plain("number", reason));
    }
    if !sale.customer.is_empty() && !is_name(&sale.customer) {
        return Err(plain(
            "customer",
            format!("has more than {MAX_NAME_CHARS} characters, or control characters"),
        ));
    }
    if !is_name(&sale.country) {
        return Err(plain(
            "country",
            format!("is no name of 1 to {MAX_NAME_CHARS} characters"),
        ));
    }
    if sale.at > now {
        return Err(plain("at", format!("{} is in the future", sale.at)));
    }
    let Some(first) = sale.lines.first() else {
        return Err(plain("lines", "is empty: a sale has at least one line".to_owned()));
    };
    let mut total = Money::new(0, first.unit_price.currency());
    for (place, line) in sale.lines.iter().enumerate() {
        let wrong = |(field, reason): (&str, String)| rejected(format!("lines[{place}].{field}"), reason);
        let amount = amount(sale.kind, line).map_err(wrong)?;
        total = total
            .checked_add(amount)
            .map_err(|error| wrong(("unit_price", error.to_string())))?;
    }
    Ok(total)
}

fn amount(kind: SaleKind, line: &SaleLine) -> Result<Money, (&'static str, String)> {
    if !(1..=MAX_SKU_BYTES).contains(&line.sku.len()) {
        return Err(("sku", format!("has not 1 to {MAX_SKU_BYTES} bytes")));
    }
    if line.name.chars().count() > MAX_LINE_NAME_CHARS {
        return Err(("name", format!("has more than {MAX_LINE_NAME_CHARS} characters")));
    }
    // Postgres keeps no NUL in a text.
    for (field, text) in [("sku", &line.sku), ("name", &line.name)] {
        if text.contains('\0') {
            return Err((field, "holds a NUL character: leave it out".to_owned()));
        }
    }
    let (fits, sign) = match kind {
        SaleKind::Sale => (line.quantity > 0, "above"),
        SaleKind::CreditNote => (line.quantity < 0, "below"),
    };
    if !fits || line.quantity.unsigned_abs() > MAX_QUANTITY {
        return Err((
            "quantity",
            format!("{} is not {sign} zero and at most {MAX_QUANTITY} units", line.quantity),
        ));
    }
    if line.unit_price.ten_thousandths() < 0 {
        return Err(("unit_price", format!("{} is below zero", line.unit_price)));
    }
    line.unit_price
        .checked_mul(line.quantity)
        .map_err(|error| ("unit_price", error.to_string()))
}

/// The rows with their sums per currency.
pub(crate) fn totalled(rows: Vec<RevenueRow>) -> Result<Revenue, CallFailure> {
    let mut totals: BTreeMap<_, RevenueRow> = BTreeMap::new();
    let too_large = |error| CallFailure::internal("the revenue does not fit into an amount of money").caused_by(error);
    for row in &rows {
        let currency = row.net.currency();
        let zero = Money::new(0, currency);
        let total = totals.entry(currency).or_insert_with(|| RevenueRow {
            key: "total".to_owned(),
            net: zero,
            gross: zero,
            credit: zero,
            sales: 0,
            credits: 0,
        });
        total.net = total.net.checked_add(row.net).map_err(too_large)?;
        total.gross = total.gross.checked_add(row.gross).map_err(too_large)?;
        total.credit = total.credit.checked_add(row.credit).map_err(too_large)?;
        total.sales += row.sales;
        total.credits += row.credits;
    }
    Ok(Revenue {
        rows,
        totals: totals.into_values().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn sale(number: &str, prices: &[i64]) -> Sale {
        let line = |price: &i64| SaleLine {
            product_id: None,
            sku: "A".to_owned(),
            name: String::new(),
            quantity: 1,
            unit_price: Money::new(*price, Money::GBP),
        };
        Sale {
            number: number.to_owned(),
            kind: SaleKind::Sale,
            customer: String::new(),
            country: "France".to_owned(),
            at: now(),
            lines: prices.iter().map(line).collect(),
        }
    }

    #[test]
    fn several_sales_are_taken_in_the_order_of_their_numbers_and_told_in_their_own() {
        let sales = ["3", "1", "", "2", "1"].map(|number| sale(number, &[1]));
        let recording = Recording::of(sales.to_vec(), now());
        let numbers: Vec<_> = recording
            .accepted()
            .iter()
            .map(|each| each.sale.number.clone())
            .collect();
        assert_eq!(numbers, ["1", "2", "3"]);

        // Another call has recorded number 2 in the meantime.
        let other = Holder {
            id: OrderId::new(now()),
            total: Money::new(2, Money::GBP),
        };
        let own = recording.accepted().iter().map(|each| {
            let (id, total) = (each.id, each.total);
            (each.sale.number.clone(), Holder { id, total })
        });
        let mut holders: HashMap<_, _> = own.collect();
        holders.insert("2".to_owned(), other);
        let (mine, outcomes) = recording.outcomes(&holders);
        let mine: Vec<_> = mine.iter().map(|each| each.sale.number.as_str()).collect();
        assert_eq!(mine, ["1", "3"]);
        let (one, three) = (holders["1"].id, holders["3"].id);
        assert_eq!(outcomes[0], SaleOutcome::Recorded { id: three });
        assert_eq!(outcomes[1], SaleOutcome::Recorded { id: one });
        assert!(matches!(&outcomes[2], SaleOutcome::Rejected { field, .. } if field == "number"));
        assert_eq!(outcomes[3], SaleOutcome::Differs { id: other.id });
        assert_eq!(outcomes[4], SaleOutcome::Known { id: one });
    }

    #[test]
    fn sums_that_do_not_fit_are_refused_and_do_not_wrap() {
        let outcome = total(&sale("1", &[i64::MAX - 1, 1]), now());
        assert_eq!(outcome, Ok(Money::new(i64::MAX, Money::GBP)));
        let outcome = total(&sale("1", &[i64::MAX, 1]), now());
        assert!(matches!(outcome, Err(SaleOutcome::Rejected { field, .. }) if field == "lines[1].unit_price"));

        let row = |amount| {
            let net = Money::new(amount, Money::GBP);
            RevenueRow {
                key: "France".to_owned(),
                net,
                gross: net,
                credit: Money::new(0, Money::GBP),
                sales: 1,
                credits: 0,
            }
        };
        assert!(totalled(vec![row(i64::MAX), row(1)]).is_err());
        let fitting = totalled(vec![row(i64::MAX - 1), row(1)]).expect("it fits");
        assert_eq!(
            (fitting.totals[0].net.ten_thousandths(), fitting.totals[0].sales),
            (i64::MAX, 2)
        );
    }
}
