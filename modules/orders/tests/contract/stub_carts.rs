//! Test double of the carts module, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use carts_api::v1::carts_api_methods::CartMethod;
use carts_api::v1::{Cart, CartId, CartLine, CartsApi, CartsError};
use catalog_api::ProductId;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{Currency, Money, Timestamp};
use offshoot_testkit::{Double, Faults};

/// Carts in memory.
#[derive(Default)]
pub(crate) struct StubCarts {
    carts: Mutex<HashMap<CartId, Result<Cart, CartsError>>>,
    pub(crate) faults: Faults,
}

impl StubCarts {
    /// The double behind an edge, as the orders module calls it.
    pub(crate) fn behind_edge(self: &Arc<Self>) -> Arc<dyn CartsApi> {
        Double::new(Arc::clone(self))
            .with_faults(&self.faults)
            .answers(CartMethod, |stub: &Self, call| {
                let id = call.params.id;
                let cart = stub.carts().get(&id).cloned();
                cart.unwrap_or(Err(CartsError::UnknownCart { id }))
            })
            .into_api()
    }

    /// Adds a cart with these quantities and prices, in the currency of the first price. SKUs are `SKU-1`, `SKU-2` and
    /// so on.
    pub(crate) fn add_cart(&self, lines: &[(ProductId, u32, Money)]) -> CartId {
        let time = Timestamp::from_micros(0).unwrap();
        let id = CartId::new(time);
        let currency = lines.first().map_or(Money::GBP, |(_, _, price)| price.currency());
        let line = |(&(product_id, quantity, unit_price), place): (&(ProductId, u32, Money), usize)| CartLine {
            product_id,
            sku: format!("SKU-{place}"),
            name: format!("PRODUCT {place}"),
            status: ProductStatus::Active,
            quantity,
            unit_price,
            line_total: unit_price.checked_mul(i64::from(quantity)).unwrap(),
        };
        let lines: Vec<_> = lines.iter().zip(1..).map(line).collect();
        let cart = Cart {
            id,
            total: total(&lines, currency),
            lines,
            prices_as_of: None,
            created_at: time,
            expires_at: time,
        };
        self.carts().insert(id, Ok(cart));
        id
    }

    /// Discontinues the product of a line. The line stays, and no longer counts in the total.
    pub(crate) fn discontinue(&self, cart: CartId, line: usize) {
        let mut carts = self.carts();
        let cart = carts.get_mut(&cart).unwrap().as_mut().unwrap();
        cart.lines[line].status = ProductStatus::Discontinued;
        cart.total = total(&cart.lines, cart.total.currency());
    }

    /// Makes the cart's prices come from the carts' projection, as of this time.
    pub(crate) fn set_prices_as_of(&self, cart: CartId, time: Timestamp) {
        self.carts().get_mut(&cart).unwrap().as_mut().unwrap().prices_as_of = Some(time);
    }

    /// Makes reads of the cart fail with this error.
    pub(crate) fn fail_with(&self, cart: CartId, error: CartsError) {
        self.carts().insert(cart, Err(error));
    }

    fn carts(&self) -> MutexGuard<'_, HashMap<CartId, Result<Cart, CartsError>>> {
        self.carts.lock().unwrap()
    }
}

fn total(lines: &[CartLine], currency: Currency) -> Money {
    let sold = lines
        .iter()
        .filter(|line| line.status == ProductStatus::Active && line.line_total.currency() == currency);
    Money::new(sold.map(|line| line.line_total.ten_thousandths()).sum(), currency)
}
