//! Rules of recorded sales: validation, and the outcome of each sale. A recorded sale is an invoice or credit note of
//! another system. Pure: knows no database.

use std::collections::{BTreeMap, HashMap};

use catalog_api::v1::{MAX_NAME_CHARS as MAX_LINE_NAME_CHARS, MAX_SKU_BYTES};
use offshoot_contract::text::{check_printable, check_storable};
use offshoot_contract::{CallFailure, Money, Timestamp};
use orders_api::OrderId;
use orders_api::v1::{MAX_NAME_CHARS, MAX_NUMBER_BYTES, Revenue, RevenueRow, Sale, SaleKind, SaleLine, SaleOutcome};

use crate::domain::draft::is_name;

/// Most units in one line, of either sign. The largest known real line has 80,995.
const MAX_QUANTITY: u64 = 1_000_000;

/// A valid sale.
#[derive(Debug)]
pub(crate) struct AcceptedSale {
    pub(crate) id: OrderId,
    pub(crate) sale: Sale,
    pub(crate) total: Money,
}

/// The sale that has a number already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownSale {
    pub(crate) id: OrderId,
    pub(crate) total: Money,
}

/// The sales of one call.
pub(crate) struct Recording {
    /// The first valid sale of each number, sorted by number, so that concurrent calls lock rows in the same order.
    accepted: Vec<AcceptedSale>,
    items: Vec<Result<Item, SaleOutcome>>,
}

struct Item {
    number: String,
    total: Money,
    id: OrderId,
}

impl Recording {
    /// Validates the sales of one call.
    pub(crate) fn from_sales(sales: Vec<Sale>, now: Timestamp) -> Self {
        let mut accepted = BTreeMap::new();
        let mut items = Vec::with_capacity(sales.len());
        for sale in sales {
            items.push(validated_total(&sale, now).map(|total| {
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

    /// The sales that this call has inserted, and the outcome of each sale, given the order of each number now.
    pub(crate) fn outcomes(self, recorded: &HashMap<String, KnownSale>) -> (Vec<AcceptedSale>, Vec<SaleOutcome>) {
        let outcome = |item: Item| {
            let order = recorded
                .get(&item.number)
                .expect("an order exists for every accepted number");
            if order.id == item.id {
                SaleOutcome::Recorded { id: order.id }
            } else if order.total == item.total {
                SaleOutcome::Known { id: order.id }
            } else {
                SaleOutcome::Differs { id: order.id }
            }
        };
        let outcomes = self
            .items
            .into_iter()
            .map(|item| item.map_or_else(|rejected| rejected, outcome));
        let outcomes = outcomes.collect();
        let mut inserted = self.accepted;
        inserted.retain(|sale| recorded.get(&sale.sale.number).is_some_and(|order| order.id == sale.id));
        (inserted, outcomes)
    }
}

/// The sum of the lines, or `Rejected` for an invalid sale.
fn validated_total(sale: &Sale, now: Timestamp) -> Result<Money, SaleOutcome> {
    let rejected = |field: String, reason: String| SaleOutcome::Rejected { field, reason };
    let plain = |field: &str, reason: String| rejected(field.to_owned(), reason);
    check_printable(&sale.number, MAX_NUMBER_BYTES).map_err(|error| plain("number", error.to_string()))?;
    if !sale.customer.is_empty() && !is_name(&sale.customer) {
        return Err(plain(
            "customer",
            format!("has more than {MAX_NAME_CHARS} characters, or control characters"),
        ));
    }
    if !is_name(&sale.country) {
        return Err(plain(
            "country",
            format!("is not a valid name of 1 to {MAX_NAME_CHARS} characters"),
        ));
    }
    if sale.at > now {
        return Err(plain("at", format!("{} is in the future", sale.at)));
    }
    let Some(first) = sale.lines.first() else {
        return Err(plain("lines", "is empty: a sale has at least one line".to_owned()));
    };
    let mut total = Money::new(0, first.unit_price.currency());
    for (index, line) in sale.lines.iter().enumerate() {
        let wrong = |(field, reason): (&str, String)| rejected(format!("lines[{index}].{field}"), reason);
        let amount = validated_amount(sale.kind, line).map_err(wrong)?;
        total = total
            .checked_add(amount)
            .map_err(|error| wrong(("unit_price", error.to_string())))?;
    }
    Ok(total)
}

fn validated_amount(kind: SaleKind, line: &SaleLine) -> Result<Money, (&'static str, String)> {
    if !(1..=MAX_SKU_BYTES).contains(&line.sku.len()) {
        return Err(("sku", format!("is not a valid SKU of 1 to {MAX_SKU_BYTES} bytes")));
    }
    if line.name.chars().count() > MAX_LINE_NAME_CHARS {
        return Err(("name", format!("has more than {MAX_LINE_NAME_CHARS} characters")));
    }
    for (field, text) in [("sku", &line.sku), ("name", &line.name)] {
        check_storable(text).map_err(|error| (field, error.to_string()))?;
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

/// Revenue with one total per currency.
pub(crate) fn with_totals(rows: Vec<RevenueRow>) -> Result<Revenue, CallFailure> {
    let mut totals: BTreeMap<_, RevenueRow> = BTreeMap::new();
    let too_large = |error| CallFailure::internal("the total revenue exceeds the range of an amount").caused_by(error);
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
        "2026-01-01T00:00:00Z".parse().expect("a valid time")
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
    fn sales_are_inserted_by_number_and_reported_in_the_order_of_the_call() {
        let sales = ["3", "1", "", "2", "1"].map(|number| sale(number, &[1]));
        let recording = Recording::from_sales(sales.to_vec(), now());
        let numbers: Vec<_> = recording
            .accepted()
            .iter()
            .map(|each| each.sale.number.clone())
            .collect();
        assert_eq!(numbers, ["1", "2", "3"]);

        // Another call has recorded number 2.
        let other = KnownSale {
            id: OrderId::new(now()),
            total: Money::new(2, Money::GBP),
        };
        let own = recording.accepted().iter().map(|each| {
            let (id, total) = (each.id, each.total);
            (each.sale.number.clone(), KnownSale { id, total })
        });
        let mut recorded: HashMap<_, _> = own.collect();
        recorded.insert("2".to_owned(), other);
        let (inserted, outcomes) = recording.outcomes(&recorded);
        let inserted: Vec<_> = inserted.iter().map(|each| each.sale.number.as_str()).collect();
        assert_eq!(inserted, ["1", "3"]);
        let (one, three) = (recorded["1"].id, recorded["3"].id);
        assert_eq!(outcomes[0], SaleOutcome::Recorded { id: three });
        assert_eq!(outcomes[1], SaleOutcome::Recorded { id: one });
        assert!(matches!(&outcomes[2], SaleOutcome::Rejected { field, .. } if field == "number"));
        assert_eq!(outcomes[3], SaleOutcome::Differs { id: other.id });
        assert_eq!(outcomes[4], SaleOutcome::Known { id: one });
    }

    #[test]
    fn sums_out_of_range_are_rejected() {
        let outcome = validated_total(&sale("1", &[i64::MAX - 1, 1]), now());
        assert_eq!(outcome, Ok(Money::new(i64::MAX, Money::GBP)));
        let outcome = validated_total(&sale("1", &[i64::MAX, 1]), now());
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
        assert!(with_totals(vec![row(i64::MAX), row(1)]).is_err());
        let fitting = with_totals(vec![row(i64::MAX - 1), row(1)]).expect("the total fits");
        assert_eq!(
            (fitting.totals[0].net.ten_thousandths(), fitting.totals[0].sales),
            (i64::MAX, 2)
        );
    }
}
