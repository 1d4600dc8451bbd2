//! Test fixture: the orders module with stubs of the other modules, and helpers that check out and read orders.

use std::sync::Arc;
use std::time::Duration;

use carts_api::CartId;
use catalog_api::ProductId;
use offshoot_contract::{CallContext, CallFailure, Clock, Money, Timestamp};
use offshoot_db::Db;
use orders::{Collaborators, Orders, OrdersSettings};
use orders_api::OrderId;
use orders_api::v1::{Order, OrderStatus, OrdersError, ReturnedLine};
use payments_api::v1::PaymentToken;
use tokio::task::JoinHandle;

use crate::T;
use crate::stub_carts::StubCarts;
use crate::stub_inventory::StubInventory;
use crate::stub_payments::{GOOD, StubPayments};
use offshoot_testkit::{Fault, Faults};

/// Lease of an execution.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How long stock stays reserved.
pub(crate) const RESERVATION: Duration = Duration::from_secs(15 * 60);
/// Customer of the orders.
pub(crate) const EMAIL: &str = "ada@example.com";
/// Country of the customer.
pub(crate) const COUNTRY: &str = "United Kingdom";
/// Price of every product, unless a test sets another price.
pub(crate) const PRICE: &str = "2.55";
/// Timeout of a call that never gets a response.
pub(crate) const SHORT_TIMEOUT: Duration = Duration::from_millis(800);

/// The module under test and its stubs.
pub(crate) struct Fixture {
    pub(crate) carts: Arc<StubCarts>,
    pub(crate) inventory: Arc<StubInventory>,
    pub(crate) payments: Arc<StubPayments>,
    /// The module itself, for resuming sagas.
    pub(crate) orders: Arc<Orders>,
}

impl Fixture {
    pub(crate) fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        let (carts, payments) = (Arc::default(), Arc::default());
        let inventory = Arc::new(StubInventory::new(Arc::clone(&clock)));
        let collaborators = Collaborators {
            carts: StubCarts::behind_edge(&carts),
            inventory: StubInventory::behind_edge(&inventory),
            payments: StubPayments::behind_edge(&payments),
        };
        let settings = OrdersSettings {
            lease: LEASE,
            reservation: RESERVATION,
            ..OrdersSettings::default()
        };
        Self {
            carts,
            inventory,
            payments,
            orders: Arc::new(Orders::new(db, clock, collaborators, settings)),
        }
    }

    /// Adds a product with this stock.
    pub(crate) fn add_product(&self, units: u64) -> ProductId {
        let product = ProductId::new(Timestamp::from_micros(0).unwrap());
        self.inventory.set_stock(product, units);
        product
    }

    /// Adds a cart with these quantities at [`PRICE`].
    pub(crate) fn add_cart(&self, lines: &[(ProductId, u32)]) -> CartId {
        let lines: Vec<_> = lines
            .iter()
            .map(|(product, quantity)| (*product, *quantity, pounds(PRICE)))
            .collect();
        self.carts.add_cart(&lines)
    }

    /// Faults of the stub that has this method.
    pub(crate) fn faults_of(&self, method: &str) -> &Faults {
        match method {
            "cart" => &self.carts.faults,
            "reserve" | "commit" | "release" | "record_many" => &self.inventory.faults,
            _ => &self.payments.faults,
        }
    }

    /// Injects a fault into the next call of a method.
    pub(crate) fn inject(&self, method: &'static str, fault: Fault) {
        self.faults_of(method).inject(method, fault);
    }

    /// Resumes due sagas once. Returns the number of sagas that ended.
    pub(crate) async fn resume(&self) -> u64 {
        self.orders.resume_sagas().await.unwrap()
    }
}

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

pub(crate) fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

pub(crate) fn line(line: u32, quantity: u32) -> ReturnedLine {
    ReturnedLine { line, quantity }
}

/// Checks out a cart. The test kit repeats a successful call under the same key.
pub(crate) async fn checkout(t: &T, cart: CartId, token: &str) -> Result<Order, OrdersError> {
    let (email, country) = (EMAIL.to_owned(), Some(COUNTRY.to_owned()));
    let token = PaymentToken::new(token);
    t.api.checkout(&mut t.cx(), cart, email, country, token).await
}

/// Checks out a cart in a task of its own, without a repeated call.
pub(crate) fn spawn_checkout(t: &T, mut cx: CallContext, cart: CartId) -> JoinHandle<Result<Order, OrdersError>> {
    let api = Arc::clone(&t.once);
    let (email, country) = (EMAIL.to_owned(), Some(COUNTRY.to_owned()));
    let token = PaymentToken::new(GOOD);
    tokio::spawn(async move { api.checkout(&mut cx, cart, email, country, token).await })
}

/// A confirmed order without open steps.
pub(crate) async fn confirmed_order(t: &T, quantities: &[u32]) -> Order {
    let lines: Vec<_> = quantities
        .iter()
        .map(|quantity| (t.fakes.add_product(u64::from(*quantity) + 10), *quantity))
        .collect();
    let order = checkout(t, t.fakes.add_cart(&lines), GOOD).await.unwrap();
    assert_eq!(
        (order.status, order.open_steps.as_slice()),
        (OrderStatus::Confirmed, &[][..])
    );
    order
}

/// A checkout that is interrupted at its next call of `method`, and still has its lease.
pub(crate) async fn interrupt_checkout(t: &T, method: &'static str, cart: CartId, key: &str) -> Order {
    t.fakes.inject(method, Fault::Hangs);
    let cx = t.cx().with_timeout(SHORT_TIMEOUT).with_next_key(key);
    let failure = expect_failure(spawn_checkout(t, cx, cart).await.unwrap());
    assert!(failure.may_have_executed(), "{failure}");
    order_of_cart(t, cart).await
}

pub(crate) async fn read(t: &T, id: OrderId) -> Order {
    t.api.order(&mut t.cx(), id).await.unwrap()
}

/// Every order, the newest first.
pub(crate) async fn all_orders(t: &T) -> Vec<Order> {
    let mut orders = Vec::new();
    let mut token = None;
    loop {
        let page = t.api.orders(&mut t.cx(), None, Some(100), token).await.unwrap();
        orders.extend(page.items);
        token = page.next_page_token;
        if token.is_none() {
            return orders;
        }
    }
}

/// The only order of a cart.
pub(crate) async fn order_of_cart(t: &T, cart: CartId) -> Order {
    let mut orders = all_orders(t).await;
    orders.retain(|order| order.cart_id == Some(cart));
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

pub(crate) fn expect_failure<A>(result: Result<A, OrdersError>) -> CallFailure {
    match result {
        Err(OrdersError::Call(failure)) => failure,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the call succeeded"),
    }
}
