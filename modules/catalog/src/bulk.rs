//! Planning of bulk calls: the rows to write and the outcome of each item, computed before anything is written. Must
//! not know the database; every function is pure.

use std::collections::{BTreeMap, HashMap};

use catalog_api::v1::{AddOutcome, NewProduct, PriceChange, PriceOutcome, ProductId};
use offshoot_contract::{Money, Timestamp};
use offshoot_db::List;

use crate::domain::{self, AcceptedProduct};
use crate::validation::{self, InvalidField};

/// A price of a product with its start time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProductPrice {
    pub(crate) id: ProductId,
    pub(crate) since: Timestamp,
    pub(crate) price: Money,
}

/// The current price of a product, and the columns that change with the price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CurrentPrice {
    pub(crate) id: ProductId,
    pub(crate) price: Money,
    pub(crate) since: Timestamp,
    pub(crate) version: u32,
    pub(crate) updated_at: Timestamp,
}

/// The products to add in one `add_many` call.
pub(crate) struct Additions {
    /// The first item per SKU, in SKU order, so that concurrent calls lock products in the same order.
    pub(crate) accepted: Vec<AcceptedProduct>,
    items: Vec<Result<Item, InvalidField>>,
}

struct Item {
    sku: String,
    /// Id of the product if this item is inserted.
    id: ProductId,
}

impl Additions {
    /// Validates each product and drops duplicate SKUs within the call.
    pub(crate) fn plan(products: Vec<NewProduct>, now: Timestamp) -> Self {
        let mut accepted = BTreeMap::new();
        let mut items = Vec::with_capacity(products.len());
        for product in products {
            let id = ProductId::new(now);
            items.push(domain::accept(product, id, now).map(|new| {
                let sku = new.product.sku.clone();
                accepted.entry(sku.clone()).or_insert(new);
                Item { sku, id }
            }));
        }
        Self {
            accepted: accepted.into_values().collect(),
            items,
        }
    }

    /// Outcome of each item, given the id that each SKU has after the insert.
    pub(crate) fn outcomes(self, id_by_sku: &HashMap<String, ProductId>) -> Vec<AddOutcome> {
        let outcome = |item: Item| {
            let id = *id_by_sku
                .get(&item.sku)
                .expect("each accepted SKU was inserted by this call or existed before");
            if id == item.id {
                AddOutcome::Added { id }
            } else {
                AddOutcome::Exists { id }
            }
        };
        self.items
            .into_iter()
            .map(|item| item.map_or_else(AddOutcome::from, outcome))
            .collect()
    }
}

/// The rows to write and the outcomes of one `record_prices` call.
pub(crate) struct PriceRecording {
    /// The last item per product and start time, in key order.
    pub(crate) points: Vec<ProductPrice>,
    /// The products with a changed current price or a changed start time of that price.
    pub(crate) current: Vec<CurrentPrice>,
    pub(crate) outcomes: Vec<PriceOutcome>,
}

impl PriceRecording {
    /// Validates each price against the existing products, given by SKU.
    pub(crate) fn plan(prices: Vec<PriceChange>, existing: &HashMap<String, CurrentPrice>, now: Timestamp) -> Self {
        let mut points = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(prices.len());
        for change in prices {
            outcomes.push(
                match (validation::check_price_change(&change, now), existing.get(&change.sku)) {
                    (Err(invalid), _) => invalid.into(),
                    (Ok(()), None) => PriceOutcome::UnknownSku,
                    (Ok(()), Some(product)) => {
                        points.insert((product.id, change.since), change.price);
                        PriceOutcome::Recorded
                    }
                },
            );
        }
        let current = existing.values().filter_map(|before| {
            let (&(id, since), &price) = points.range(..=(before.id, now)).next_back()?;
            let after = before.after(price, since, now);
            (id == before.id && since >= before.since && after != *before).then_some(after)
        });
        Self {
            current: current.collect(),
            points: points
                .into_iter()
                .map(|((id, since), price)| ProductPrice { id, since, price })
                .collect(),
            outcomes,
        }
    }
}

impl PriceRecording {
    /// Ids of the products whose current price differs from the price in `existing`.
    pub(crate) fn repriced(&self, existing: &HashMap<String, CurrentPrice>) -> List<ProductId> {
        let before: HashMap<_, _> = existing.values().map(|before| (before.id, before.version)).collect();
        let is_repriced = |now: &&CurrentPrice| before.get(&now.id) != Some(&now.version);
        self.current.iter().filter(is_repriced).map(|now| now.id).collect()
    }
}

impl CurrentPrice {
    /// The current price after `price` starts at `since`. Only a changed amount raises the version, not a changed time.
    fn after(self, price: Money, since: Timestamp, now: Timestamp) -> Self {
        if price == self.price {
            return Self { since, ..self };
        }
        Self {
            price,
            since,
            version: self.version.saturating_add(1),
            updated_at: now,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000).expect("the time is in range")
    }

    fn pounds(units: i64) -> Money {
        Money::new(units * 10_000, Money::GBP)
    }

    fn change(sku: &str, units: i64, second: i64) -> PriceChange {
        PriceChange {
            sku: sku.to_owned(),
            price: pounds(units),
            since: at(second),
        }
    }

    /// One product, `A`, with a price of 1 since second 10, last changed at second 20.
    fn existing() -> HashMap<String, CurrentPrice> {
        let current = CurrentPrice {
            id: ProductId::new(at(0)),
            price: pounds(1),
            since: at(10),
            version: 3,
            updated_at: at(20),
        };
        HashMap::from([("A".to_owned(), current)])
    }

    fn current_after(changes: Vec<PriceChange>) -> Option<(Money, Timestamp, u32, Timestamp)> {
        let recording = PriceRecording::plan(changes, &existing(), at(100));
        recording
            .current
            .first()
            .map(|now| (now.price, now.since, now.version, now.updated_at))
    }

    #[test]
    fn the_price_with_the_latest_start_time_is_current() {
        assert_eq!(current_after(vec![change("A", 2, 9)]), None);
        assert_eq!(
            current_after(vec![change("A", 2, 10)]),
            Some((pounds(2), at(10), 4, at(100)))
        );
        assert_eq!(
            current_after(vec![change("A", 3, 12), change("A", 2, 11)]),
            Some((pounds(3), at(12), 4, at(100)))
        );
    }

    #[test]
    fn the_same_price_with_a_later_start_time_keeps_the_version() {
        assert_eq!(current_after(vec![change("A", 1, 10)]), None);
        assert_eq!(
            current_after(vec![change("A", 1, 11)]),
            Some((pounds(1), at(11), 3, at(20)))
        );
    }

    #[test]
    fn the_last_item_with_the_same_start_time_wins() {
        let recording = PriceRecording::plan(vec![change("A", 2, 5), change("A", 3, 5)], &existing(), at(100));
        assert_eq!(
            recording.points.iter().map(|point| point.price).collect::<Vec<_>>(),
            [pounds(3)]
        );
        assert_eq!(recording.outcomes, [PriceOutcome::Recorded, PriceOutcome::Recorded]);
    }

    #[test]
    fn every_item_has_an_outcome() {
        let prices = vec![
            change("B", 1, 1),
            change("A", 0, 1),
            change("A", 1, 101),
            change("A", 1, 100),
        ];
        let recording = PriceRecording::plan(prices, &existing(), at(100));
        assert_eq!(recording.outcomes[0], PriceOutcome::UnknownSku);
        assert!(matches!(&recording.outcomes[1], PriceOutcome::Rejected { field, .. } if field == "price"));
        assert!(matches!(&recording.outcomes[2], PriceOutcome::Rejected { field, .. } if field == "since"));
        assert_eq!(recording.outcomes[3], PriceOutcome::Recorded);
        assert_eq!(recording.points.len(), 1);
    }
}
