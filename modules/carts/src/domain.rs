//! What a cart is, and what it costs. Knows no database and no catalog; every function is pure.

use std::collections::HashSet;

use carts_api::v1::{Cart, CartId, CartLine, CartsError, MAX_LINES, MAX_QUANTITY, NewLine};
use catalog_api::v1::{Product, ProductId, ProductStatus};
use offshoot_contract::{Currency, InvalidMoney, Money, Timestamp};

use crate::prices::Offers;

/// A cart as it is kept: without prices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptCart {
    pub(crate) id: CartId,
    pub(crate) currency: Currency,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A line as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptLine {
    pub(crate) product_id: ProductId,
    pub(crate) quantity: u32,
}

/// A product as far as carts are concerned.
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

/// Why a cart has no total.
#[derive(Debug, PartialEq)]
pub(crate) enum NoTotal {
    /// The catalog does not know a product of the cart.
    Missing(ProductId),
    /// A sum does not fit into an amount of money.
    TooLarge(InvalidMoney),
}

impl KeptCart {
    /// Fails with `CartExpired`.
    pub(crate) fn check_alive(&self, now: Timestamp) -> Result<(), CartsError> {
        if now < self.expires_at {
            return Ok(());
        }
        Err(CartsError::CartExpired {
            id: self.id,
            expired_at: self.expires_at,
        })
    }

    /// The cart with the prices of `offers`.
    ///
    /// The total counts what can be bought in this cart: not what is discontinued, and not what the catalog has put
    /// into another currency since.
    pub(crate) fn priced(self, lines: Vec<KeptLine>, offers: &Offers) -> Result<Cart, NoTotal> {
        let mut total = Money::new(0, self.currency);
        let mut priced = Vec::with_capacity(lines.len());
        for KeptLine { product_id, quantity } in lines {
            let product = offers.by_id.get(&product_id).ok_or(NoTotal::Missing(product_id))?;
            let line_total = product
                .price
                .checked_mul(i64::from(quantity))
                .map_err(NoTotal::TooLarge)?;
            if check_for_sale(product).is_ok() && line_total.currency() == self.currency {
                total = total.checked_add(line_total).map_err(NoTotal::TooLarge)?;
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
        Ok(self.with(priced, total, offers.as_of))
    }

    /// The cart as it is answered.
    pub(crate) fn with(self, lines: Vec<CartLine>, total: Money, prices_as_of: Option<Timestamp>) -> Cart {
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

/// The lines of a whole cart. Fails with `TooManyLines`, `InvalidQuantity` or `DuplicateLine`.
pub(crate) fn check_lines(id: CartId, lines: Vec<NewLine>) -> Result<Vec<KeptLine>, CartsError> {
    if lines.len() > MAX_LINES as usize {
        return Err(CartsError::TooManyLines { id, limit: MAX_LINES });
    }
    let mut products = HashSet::with_capacity(lines.len());
    let line = |NewLine { product_id, quantity }| {
        check_quantity(quantity)?;
        if !products.insert(product_id) {
            return Err(CartsError::DuplicateLine { id: product_id });
        }
        Ok(KeptLine { product_id, quantity })
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

/// Whether one line more fits beside `lines`. Fails with `TooManyLines`.
pub(crate) fn check_room(id: CartId, lines: u32) -> Result<(), CartsError> {
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
        Timestamp::from_micros(micros).expect("a time")
    }

    fn cart() -> KeptCart {
        KeptCart {
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

    fn priced(lines: &[(&Offer, u32)]) -> Result<Cart, NoTotal> {
        let products: Vec<_> = lines.iter().map(|(product, _)| *product).collect();
        let lines = lines.iter().map(|&(product, quantity)| KeptLine {
            product_id: product.id,
            quantity,
        });
        cart().priced(lines.collect(), &offers(&products, Some(time(7))))
    }

    fn pounds(ten_thousandths: i64) -> Money {
        Money::new(ten_thousandths, Money::GBP)
    }

    #[test]
    fn the_total_counts_what_can_be_bought() {
        let sold = product(pounds(25_500), ProductStatus::Active);
        let ended = product(pounds(10_000), ProductStatus::Discontinued);
        let foreign = product(
            Money::new(10_000, EUR.parse().expect("a currency")),
            ProductStatus::Active,
        );
        let cart = priced(&[(&sold, 3), (&ended, 1), (&foreign, 2)]).expect("small amounts");
        assert_eq!(cart.total, pounds(76_500));
        let line_totals: Vec<_> = cart
            .lines
            .iter()
            .map(|line| line.line_total.ten_thousandths())
            .collect();
        assert_eq!(line_totals, [76_500, 10_000, 20_000]);
        assert_eq!(cart.prices_as_of, Some(time(7)));
        assert_eq!(priced(&[]).expect("empty").total, pounds(0));
    }

    #[test]
    fn a_sum_that_does_not_fit_is_a_failure() {
        let dear = product(pounds(i64::MAX), ProductStatus::Active);
        assert_eq!(priced(&[(&dear, 2)]), Err(NoTotal::TooLarge(InvalidMoney::TooLarge)));
        assert_eq!(
            priced(&[(&dear, 1), (&dear, 1)]),
            Err(NoTotal::TooLarge(InvalidMoney::TooLarge))
        );
        assert_eq!(priced(&[(&dear, 1)]).map(|cart| cart.total), Ok(pounds(i64::MAX)));
    }

    #[test]
    fn a_product_that_the_catalog_has_lost_is_named() {
        let id = ProductId::new(time(0));
        let lines = vec![KeptLine {
            product_id: id,
            quantity: 1,
        }];
        assert_eq!(cart().priced(lines, &offers(&[], None)), Err(NoTotal::Missing(id)));
    }

    #[test]
    fn limits_are_taken_and_one_more_is_not() {
        for (quantity, good) in [(0, false), (1, true), (MAX_QUANTITY, true), (MAX_QUANTITY + 1, false)] {
            assert_eq!(check_quantity(quantity).is_ok(), good, "{quantity}");
        }
        assert!(check_room(cart().id, MAX_LINES - 1).is_ok());
        assert!(check_room(cart().id, MAX_LINES).is_err());
        assert!(cart().check_alive(time(99)).is_ok());
        assert!(cart().check_alive(time(100)).is_err());
    }
}
