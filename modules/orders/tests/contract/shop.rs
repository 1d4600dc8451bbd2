//! The orders with the stubs around them, and how a body buys from them.

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
use crate::faults::{Fault, Faults};
use crate::stub_carts::StubCarts;
use crate::stub_inventory::StubInventory;
use crate::stub_payments::{GOOD, StubPayments};

/// How long an order that is under way is left alone.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How long goods are promised to it.
pub(crate) const RESERVATION: Duration = Duration::from_secs(15 * 60);
/// Who buys.
pub(crate) const EMAIL: &str = "ada@example.com";
/// Where she lives.
pub(crate) const COUNTRY: &str = "United Kingdom";
/// What everything costs here unless a body says otherwise.
pub(crate) const PRICE: &str = "2.55";
/// How long a call may take that will not be answered.
pub(crate) const A_MOMENT: Duration = Duration::from_millis(800);

/// What a body steers and counts.
pub(crate) struct Shop {
    pub(crate) carts: Arc<StubCarts>,
    pub(crate) inventory: Arc<StubInventory>,
    pub(crate) payments: Arc<StubPayments>,
    /// For what they do without being called.
    pub(crate) orders: Arc<Orders>,
}

impl Shop {
    pub(crate) fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        let (carts, payments) = (Arc::default(), Arc::default());
        let inventory = Arc::new(StubInventory::new(Arc::clone(&clock)));
        let others = Collaborators {
            carts: StubCarts::behind_their_edge(&carts),
            inventory: StubInventory::behind_its_edge(&inventory),
            payments: StubPayments::behind_their_edge(&payments),
        };
        let settings = OrdersSettings {
            lease: LEASE,
            reservation: RESERVATION,
        };
        Self {
            carts,
            inventory,
            payments,
            orders: Arc::new(Orders::new(db, clock, others, settings)),
        }
    }

    /// A product of which there are so many.
    pub(crate) fn sells(&self, units: u64) -> ProductId {
        let product = ProductId::new(Timestamp::from_micros(0).unwrap());
        self.inventory.has(product, units);
        product
    }

    /// A cart with these quantities.
    pub(crate) fn cart(&self, lines: &[(ProductId, u32)]) -> CartId {
        let lines: Vec<_> = lines
            .iter()
            .map(|(product, quantity)| (*product, *quantity, pounds(PRICE)))
            .collect();
        self.carts.holds(&lines)
    }

    /// Where a method is called that the orders need.
    pub(crate) fn faults_of(&self, method: &str) -> &Faults {
        match method {
            "cart" => &self.carts.faults,
            "reserve" | "commit" | "release" | "record_many" => &self.inventory.faults,
            _ => &self.payments.faults,
        }
    }

    /// What becomes of the next call of a method.
    pub(crate) fn next(&self, method: &'static str, fault: Fault) {
        self.faults_of(method).next(method, fault);
    }

    /// Looks once for what was broken off; answers how many orders were brought to their end.
    pub(crate) async fn sweep(&self) -> u64 {
        self.orders.sweep().await.unwrap()
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

/// Buys a cart. A successful call is made twice, under one key.
pub(crate) async fn checkout(t: &T, cart: CartId, token: &str) -> Result<Order, OrdersError> {
    let (email, country) = (EMAIL.to_owned(), Some(COUNTRY.to_owned()));
    let token = PaymentToken::new(token);
    t.api.checkout(&mut t.cx(), cart, email, country, token).await
}

/// The same, once and at the same time as something else.
pub(crate) fn buying(t: &T, mut cx: CallContext, cart: CartId) -> JoinHandle<Result<Order, OrdersError>> {
    let api = Arc::clone(&t.once);
    let (email, country) = (EMAIL.to_owned(), Some(COUNTRY.to_owned()));
    let token = PaymentToken::new(GOOD);
    tokio::spawn(async move { api.checkout(&mut cx, cart, email, country, token).await })
}

/// An order that is confirmed and closed, of goods that are there.
pub(crate) async fn bought(t: &T, quantities: &[u32]) -> Order {
    let lines: Vec<_> = quantities
        .iter()
        .map(|quantity| (t.world.sells(u64::from(*quantity) + 10), *quantity))
        .collect();
    let order = checkout(t, t.world.cart(&lines), GOOD).await.unwrap();
    assert_eq!(
        (order.status, order.open_steps.as_slice()),
        (OrderStatus::Confirmed, &[][..])
    );
    order
}

/// A checkout that broke off at its next call of `method`, and that nobody has taken up.
pub(crate) async fn broken_off_at(t: &T, method: &'static str, cart: CartId, key: &str) -> Order {
    t.world.next(method, Fault::Hangs);
    let cx = t.cx().with_timeout(A_MOMENT).with_key(key);
    let failure = failure(buying(t, cx, cart).await.unwrap());
    assert!(failure.may_have_executed(), "{failure}");
    of_cart(t, cart).await
}

pub(crate) async fn read(t: &T, id: OrderId) -> Order {
    t.api.order(&mut t.cx(), id).await.unwrap()
}

/// Every order, the newest first.
pub(crate) async fn all(t: &T) -> Vec<Order> {
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
pub(crate) async fn of_cart(t: &T, cart: CartId) -> Order {
    let mut orders = all(t).await;
    orders.retain(|order| order.cart_id == Some(cart));
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

pub(crate) fn failure<A>(result: Result<A, OrdersError>) -> CallFailure {
    match result {
        Err(OrdersError::Call(failure)) => failure,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it succeeded"),
    }
}
