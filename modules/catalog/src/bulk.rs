//! What a bulk call comes to: which rows to write and what became of each item, worked out before anything is
//! written. Knows no database; every function is pure.

use std::collections::{BTreeMap, HashMap};

use catalog_api::v1::{AddOutcome, NewProduct, PriceChange, PriceOutcome, ProductId};
use offshoot_contract::{Money, Timestamp};
use offshoot_db::List;

use crate::domain::{self, AcceptedProduct};
use crate::validation::{self, Unacceptable};

/// A price that a product has had.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PricePointOf {
    pub(crate) id: ProductId,
    pub(crate) since: Timestamp,
    pub(crate) price: Money,
}

/// The price that a product has now, and what changes with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CurrentPrice {
    pub(crate) id: ProductId,
    pub(crate) price: Money,
    pub(crate) since: Timestamp,
    pub(crate) version: u32,
    pub(crate) updated_at: Timestamp,
}

/// The products of one call that may be added.
pub(crate) struct Additions {
    /// One per SKU, the first of the call, in the order of the SKU: whoever adds several products locks them in the
    /// same order.
    pub(crate) accepted: Vec<AcceptedProduct>,
    items: Vec<Result<Item, Unacceptable>>,
}

struct Item {
    sku: String,
    /// The id that it would get.
    id: ProductId,
}

impl Additions {
    /// Judges each product by itself and against those before it.
    pub(crate) fn of(products: Vec<NewProduct>, now: Timestamp) -> Self {
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

    /// What became of each item, given who has each SKU now.
    pub(crate) fn outcomes(self, holders: &HashMap<String, ProductId>) -> Vec<AddOutcome> {
        let outcome = |item: Item| {
            let id = *holders
                .get(&item.sku)
                .expect("an accepted SKU was added just now or is held by another");
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

/// What the recording of prices comes to.
pub(crate) struct Recording {
    /// One per product and time, the last of the call, in key order.
    pub(crate) points: Vec<PricePointOf>,
    /// The products that have another current price after it, or the same since another time.
    pub(crate) current: Vec<CurrentPrice>,
    pub(crate) outcomes: Vec<PriceOutcome>,
}

impl Recording {
    /// Judges each price, given the products that have the SKUs.
    pub(crate) fn of(prices: Vec<PriceChange>, known: &HashMap<String, CurrentPrice>, now: Timestamp) -> Self {
        let mut points = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(prices.len());
        for change in prices {
            outcomes.push(
                match (validation::check_price_change(&change, now), known.get(&change.sku)) {
                    (Err(unacceptable), _) => unacceptable.into(),
                    (Ok(()), None) => PriceOutcome::UnknownSku,
                    (Ok(()), Some(product)) => {
                        points.insert((product.id, change.since), change.price);
                        PriceOutcome::Recorded
                    }
                },
            );
        }
        let current = known.values().filter_map(|before| {
            let (&(id, since), &price) = points.range(..=(before.id, now)).next_back()?;
            let after = before.after(price, since, now);
            (id == before.id && since >= before.since && after != *before).then_some(after)
        });
        Self {
            current: current.collect(),
            points: points
                .into_iter()
                .map(|((id, since), price)| PricePointOf { id, since, price })
                .collect(),
            outcomes,
        }
    }
}

impl Recording {
    /// The products that cost something else now than before.
    pub(crate) fn repriced(&self, known: &HashMap<String, CurrentPrice>) -> List<ProductId> {
        let before: HashMap<_, _> = known.values().map(|before| (before.id, before.version)).collect();
        let is_repriced = |now: &&CurrentPrice| before.get(&now.id) != Some(&now.version);
        self.current.iter().filter(is_repriced).map(|now| now.id).collect()
    }
}

impl CurrentPrice {
    /// The same product once `price` holds since `since`. The version counts changes of the price, not of its time.
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
        Timestamp::from_micros(second * 1_000_000).expect("a time")
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

    /// One product, `A`, that costs 1 since second 10 and was last changed at second 20.
    fn known() -> HashMap<String, CurrentPrice> {
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
        let recording = Recording::of(changes, &known(), at(100));
        recording
            .current
            .first()
            .map(|now| (now.price, now.since, now.version, now.updated_at))
    }

    #[test]
    fn the_current_price_is_that_of_the_latest_time() {
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
    fn the_same_price_since_later_is_no_new_version() {
        assert_eq!(current_after(vec![change("A", 1, 10)]), None);
        assert_eq!(
            current_after(vec![change("A", 1, 11)]),
            Some((pounds(1), at(11), 3, at(20)))
        );
    }

    #[test]
    fn of_two_prices_of_one_time_the_later_item_counts() {
        let recording = Recording::of(vec![change("A", 2, 5), change("A", 3, 5)], &known(), at(100));
        assert_eq!(
            recording.points.iter().map(|point| point.price).collect::<Vec<_>>(),
            [pounds(3)]
        );
        assert_eq!(recording.outcomes, [PriceOutcome::Recorded, PriceOutcome::Recorded]);
    }

    #[test]
    fn every_item_has_its_outcome() {
        let prices = vec![
            change("B", 1, 1),
            change("A", 0, 1),
            change("A", 1, 101),
            change("A", 1, 100),
        ];
        let recording = Recording::of(prices, &known(), at(100));
        assert_eq!(recording.outcomes[0], PriceOutcome::UnknownSku);
        assert!(matches!(&recording.outcomes[1], PriceOutcome::Rejected { field, .. } if field == "price"));
        assert!(matches!(&recording.outcomes[2], PriceOutcome::Rejected { field, .. } if field == "since"));
        assert_eq!(recording.outcomes[3], PriceOutcome::Recorded);
        assert_eq!(recording.points.len(), 1);
    }
}
