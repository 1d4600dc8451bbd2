//! Carts, cart lines and their totals. Must not know the database or call the catalog; every function is pure.

use std::collections::{HashMap, HashSet};

use carts_api::v1::{Cart, CartId, CartLine, CartsError, MAX_LINES, MAX_QUANTITY, NewLine};
use catalog_api::v1::{Product, ProductId, ProductStatus};
use offshoot_contract::{Currency, InvalidMoney, Money, Timestamp};

/// A stored cart. Prices are not stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredCart {
    pub(crate) id: CartId,
    pub(crate) currency: Currency,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A stored cart line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredLine {
    pub(crate) product_id: ProductId,
    pub(crate) quantity: u32,
}

/// The product fields that carts need.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offer {
    pub(crate) id: ProductId,
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) price: Money,
    pub(crate) status: ProductStatus,
}

impl From<Product> for Offer {
    fn from(product: Product) -> Self {
        Self {
            id: product.id,
            sku: product.sku,
            name: product.name,
            price: product.price,
            status: product.status,
        }
    }
}

/// Products with prices from one source.
pub(crate) struct Offers {
    pub(crate) by_id: HashMap<ProductId, Offer>,
    /// None for offers from the catalog. For offers from the projection: all events published before this time are
    /// included.
    pub(crate) as_of: Option<Timestamp>,
}

/// Reasons why a cart has no total.
#[derive(Debug, PartialEq)]
pub(crate) enum TotalError {
    /// The catalog has no product for a line of the cart.
    Missing(ProductId),
    /// A sum exceeds the range of `Money`.
    TooLarge(InvalidMoney),
}

impl StoredCart {
    /// Fails with `CartExpired` from `expires_at` on.
    pub(crate) fn check_not_expired(&self, now: Timestamp) -> Result<(), CartsError> {
        if now < self.expires_at {
            return Ok(());
        }
        Err(CartsError::CartExpired {
            id: self.id,
            expired_at: self.expires_at,
        })
    }

    /// Prices the lines with `offers`.
    ///
    /// The total includes only lines that can be bought with this cart: neither discontinued products nor products that
    /// the catalog has since priced in another currency.
    pub(crate) fn priced(self, lines: Vec<StoredLine>, offers: &Offers) -> Result<Cart, TotalError> {
        let mut total = Money::new(0, self.currency);
        let mut priced = Vec::with_capacity(lines.len());
        for StoredLine { product_id, quantity } in lines {
            let product = offers.by_id.get(&product_id).ok_or(TotalError::Missing(product_id))?;
            let line_total = product
                .price
                .checked_mul(i64::from(quantity))
                .map_err(TotalError::TooLarge)?;
            if check_for_sale(product).is_ok() && line_total.currency() == self.currency {
                total = total.checked_add(line_total).map_err(TotalError::TooLarge)?;
            }
            priced.push(CartLine {
                product_id,
                sku: product.sku.clone(),
                name: product.name.clone(),
                status: product.status,
                quantity,
                unit_price: product.price,
                line_total,
            });
        }
        Ok(self.into_cart(priced, total, offers.as_of))
    }

    /// Builds the cart of the contract.
    pub(crate) fn into_cart(self, lines: Vec<CartLine>, total: Money, prices_as_of: Option<Timestamp>) -> Cart {
        Cart {
            id: self.id,
            lines,
            total,
            prices_as_of,
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

/// Fails with `InvalidQuantity`.
pub(crate) fn check_quantity(quantity: u32) -> Result<(), CartsError> {
    if (1..=MAX_QUANTITY).contains(&quantity) {
        return Ok(());
    }
    Err(CartsError::InvalidQuantity {
        quantity,
        limit: MAX_QUANTITY,
    })
}

/// Validates all lines of a cart. Fails with `TooManyLines`, `InvalidQuantity` or `DuplicateLine`.
pub(crate) fn check_lines(id: CartId, lines: Vec<NewLine>) -> Result<Vec<StoredLine>, CartsError> {
    if lines.len() > MAX_LINES as usize {
        return Err(CartsError::TooManyLines { id, limit: MAX_LINES });
    }
    let mut products = HashSet::with_capacity(lines.len());
    let line = |NewLine { product_id, quantity }| {
        check_quantity(quantity)?;
        if !products.insert(product_id) {
            return Err(CartsError::DuplicateLine { id: product_id });
        }
        Ok(StoredLine { product_id, quantity })
    };
    lines.into_iter().map(line).collect()
}

/// Fails with `NotForSale`.
pub(crate) fn check_for_sale(product: &Offer) -> Result<(), CartsError> {
    match product.status {
        ProductStatus::Active => Ok(()),
        ProductStatus::Discontinued => Err(CartsError::NotForSale { id: product.id }),
    }
}

/// Fails with `OtherCurrency`.
pub(crate) fn check_currency(product: &Offer, cart: Currency) -> Result<(), CartsError> {
    let price = product.price.currency();
    if price == cart {
        return Ok(());
    }
    Err(CartsError::OtherCurrency {
        id: product.id,
        price,
        cart,
    })
}

/// Checks that a cart with `lines` lines may get another line. Fails with `TooManyLines`.
pub(crate) fn check_line_limit(id: CartId, lines: u32) -> Result<(), CartsError> {
    if lines < MAX_LINES {
        return Ok(());
    }
    Err(CartsError::TooManyLines { id, limit: MAX_LINES })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EUR: &str = "EUR";

    fn time(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).expect("the time is in range")
    }

    fn cart() -> StoredCart {
        StoredCart {
            id: CartId::new(time(0)),
            currency: Money::GBP,
            created_at: time(0),
            expires_at: time(100),
        }
    }

    fn product(price: Money, status: ProductStatus) -> Offer {
        let id = ProductId::new(time(0));
        Offer {
            id,
            sku: id.to_string(),
            name: "LANTERN".to_owned(),
            price,
            status,
        }
    }

    fn offers(products: &[&Offer], as_of: Option<Timestamp>) -> Offers {
        let by_id = products.iter().map(|&product| (product.id, product.clone()));
        Offers {
            by_id: by_id.collect(),
            as_of,
        }
    }

    fn priced(lines: &[(&Offer, u32)]) -> Result<Cart, TotalError> {
        let products: Vec<_> = lines.iter().map(|(product, _)| *product).collect();
        let lines = lines.iter().map(|&(product, quantity)| StoredLine {
            product_id: product.id,
            quantity,
        });
        cart().priced(lines.collect(), &offers(&products, Some(time(7))))
    }

    fn pounds(ten_thousandths: i64) -> Money {
        Money::new(ten_thousandths, Money::GBP)
    }

    #[test]
    fn the_total_includes_only_lines_that_can_be_bought() {
        let sold = product(pounds(25_500), ProductStatus::Active);
        let ended = product(pounds(10_000), ProductStatus::Discontinued);
        let foreign = product(
            Money::new(10_000, EUR.parse().expect("EUR is a currency")),
            ProductStatus::Active,
        );
        let cart = priced(&[(&sold, 3), (&ended, 1), (&foreign, 2)]).expect("the total is in range");
        assert_eq!(cart.total, pounds(76_500));
        let line_totals: Vec<_> = cart
            .lines
            .iter()
            .map(|line| line.line_total.ten_thousandths())
            .collect();
        assert_eq!(line_totals, [76_500, 10_000, 20_000]);
        assert_eq!(cart.prices_as_of, Some(time(7)));
        assert_eq!(priced(&[]).expect("an empty cart has a total").total, pounds(0));
    }

    #[test]
    fn a_total_out_of_range_is_an_error() {
        let expensive = product(pounds(i64::MAX), ProductStatus::Active);
        assert_eq!(
            priced(&[(&expensive, 2)]),
            Err(TotalError::TooLarge(InvalidMoney::TooLarge))
        );
        assert_eq!(
            priced(&[(&expensive, 1), (&expensive, 1)]),
            Err(TotalError::TooLarge(InvalidMoney::TooLarge))
        );
        assert_eq!(priced(&[(&expensive, 1)]).map(|cart| cart.total), Ok(pounds(i64::MAX)));
    }

    #[test]
    fn a_missing_product_is_named() {
        let id = ProductId::new(time(0));
        let lines = vec![StoredLine {
            product_id: id,
            quantity: 1,
        }];
        assert_eq!(cart().priced(lines, &offers(&[], None)), Err(TotalError::Missing(id)));
    }

    #[test]
    fn values_at_the_limit_are_accepted_and_values_beyond_are_rejected() {
        for (quantity, good) in [(0, false), (1, true), (MAX_QUANTITY, true), (MAX_QUANTITY + 1, false)] {
            assert_eq!(check_quantity(quantity).is_ok(), good, "{quantity}");
        }
        assert!(check_line_limit(cart().id, MAX_LINES - 1).is_ok());
        assert!(check_line_limit(cart().id, MAX_LINES).is_err());
        assert!(cart().check_not_expired(time(99)).is_ok());
        assert!(cart().check_not_expired(time(100)).is_err());
    }
}
