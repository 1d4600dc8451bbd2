//! Carts in memory that a body fills and changes. Keep as much of the contract as the orders use; whatever else is asked
//! of them fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use carts_api::v1::{Cart, CartId, CartLine, CartsApi, CartsError, NewLine};
use catalog_api::ProductId;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{CallContext, CallFailure, Contract, Currency, Edge, Money, Timestamp};

use crate::faults::Faults;

/// What the orders are told of carts.
#[derive(Default)]
pub(crate) struct StubCarts {
    carts: Mutex<HashMap<CartId, Result<Cart, CartsError>>>,
    pub(crate) faults: Faults,
}

impl StubCarts {
    /// The carts as the orders hold them.
    pub(crate) fn behind_their_edge(self: &Arc<Self>) -> Arc<dyn CartsApi> {
        let api: Arc<dyn CartsApi> = Arc::clone(self) as Arc<dyn CartsApi>;
        <dyn CartsApi as Contract>::object(Arc::new(Edge::new(api)))
    }

    /// One more cart, with these quantities at these prices, all in the currency of the first. A product's SKU is `SKU-`
    /// and its place in the cart.
    pub(crate) fn holds(&self, lines: &[(ProductId, u32, Money)]) -> CartId {
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

    /// The catalog ends the product of a line; the line stays and does not count any more.
    pub(crate) fn discontinues(&self, cart: CartId, line: usize) {
        let mut carts = self.carts();
        let cart = carts.get_mut(&cart).unwrap().as_mut().unwrap();
        cart.lines[line].status = ProductStatus::Discontinued;
        cart.total = total(&cart.lines, cart.total.currency());
    }

    /// The cart's prices are from the carts' copy, as of this time.
    pub(crate) fn is_priced_as_of(&self, cart: CartId, time: Timestamp) {
        self.carts().get_mut(&cart).unwrap().as_mut().unwrap().prices_as_of = Some(time);
    }

    /// Answers this of the cart from now on.
    pub(crate) fn answers_only(&self, cart: CartId, error: CartsError) {
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

fn unasked<A>() -> Result<A, CartsError> {
    Err(CallFailure::internal("the orders have no business with this method of the carts").into())
}

#[async_trait]
impl CartsApi for StubCarts {
    async fn cart(&self, _: &mut CallContext, id: CartId) -> Result<Cart, CartsError> {
        let look_up = || {
            let cart = self.carts().get(&id).cloned();
            cart.unwrap_or(Err(CartsError::UnknownCart { id }))
        };
        self.faults.around("cart", look_up).await
    }

    async fn create(&self, _: &mut CallContext, _: Currency) -> Result<Cart, CartsError> {
        unasked()
    }

    async fn set_quantity(&self, _: &mut CallContext, _: CartId, _: ProductId, _: u32) -> Result<(), CartsError> {
        unasked()
    }

    async fn set_lines(&self, _: &mut CallContext, _: CartId, _: Vec<NewLine>) -> Result<(), CartsError> {
        unasked()
    }

    async fn remove(&self, _: &mut CallContext, _: CartId, _: ProductId) -> Result<(), CartsError> {
        unasked()
    }
}
