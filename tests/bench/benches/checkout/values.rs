//! Generates new parameter values for the statements of each checkout.

use std::time::{Duration, SystemTime};

use catalog_api::ProductId;
use offshoot_contract::Timestamp;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

use crate::captured::Statement;
use crate::shop::Cart;

/// In ten-thousandths: the price of one line, and the total.
const PRICE: i64 = 12_500;
const TOTAL: i64 = 3 * PRICE;
const LEASE: Duration = Duration::from_secs(60);
/// Approximate lengths of a checkout's recorded response, an order event and a stock event.
const RESPONSE_LENGTH: usize = 1_100;
const ORDER_EVENT_LENGTH: usize = 716;
const STOCK_EVENT_LENGTH: usize = 96;

/// The ids and times of one checkout.
pub(crate) struct Sale {
    order: Uuid,
    cart: Uuid,
    products: [ProductId; 3],
    /// The idempotency key's scope, under which the response is recorded.
    pub(crate) scope: [u8; 32],
    pub(crate) now: Timestamp,
}

/// A bound parameter.
pub(crate) enum Value {
    Id(Uuid),
    Int(i64),
    Flag(bool),
    Text(String),
    Bytes(Vec<u8>),
    At(Timestamp),
    NoText,
    NoTime,
    Ids(Vec<Uuid>),
    Ints(Vec<i64>),
    Texts(Vec<String>),
    NoTexts(usize),
    Flags(Vec<bool>),
    Times(Vec<Timestamp>),
    /// Several rows, as one list per column.
    Columns(Vec<Value>),
}

use Value::{At, Bytes, Columns, Flag, Flags, Id, Ids, Int, Ints, NoText, NoTexts, NoTime, Text, Texts, Times};

fn text(text: &str) -> Value {
    Text(text.to_owned())
}

fn texts<const N: usize>(texts: [&str; N]) -> Value {
    Texts(texts.map(str::to_owned).into())
}

impl Sale {
    pub(crate) fn for_cart(cart: &Cart) -> Self {
        let mut scope = [0; 32];
        scope[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        let since = SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
        let now = i64::try_from(since.as_micros()).expect("the time is in range");
        Self {
            order: Uuid::now_v7(),
            cart: cart.id.uuid(),
            products: cart.products,
            scope,
            now: Timestamp::from_micros(now).expect("the time is in range"),
        }
    }

    fn reference(&self, step: &str) -> String {
        format!("{}.{step}", self.order)
    }

    fn products(&self) -> Value {
        Ids(self.products.iter().map(|id| id.uuid()).collect())
    }

    fn saga(&self) -> String {
        format!("{}.checkout", self.order)
    }

    fn steps(&self, positions: [i64; 2], steps: [&str; 2]) -> Value {
        let saga = || self.saga();
        Columns(vec![
            Texts(vec![saga(), saga()]),
            Ints(positions.into()),
            texts(steps),
            NoTexts(2),
            texts(["intended"; 2]),
            Ints(vec![0; 2]),
            Times(vec![self.now; 2]),
        ])
    }

    /// Returns the parameters of a statement, recognized by a part of the text.
    pub(crate) fn values(&self, statement: &Statement) -> Vec<Value> {
        let is = |part: &str| statement.text.contains(part);
        if is("BEGIN IMMEDIATE") {
            // Only orders record responses.
            let scope = if statement.module == "orders" {
                self.scope.to_vec()
            } else {
                Vec::new()
            };
            return vec![Bytes(scope), At(self.now)];
        }
        if is("INSERT INTO offshoot_answers") {
            let scope = || Bytes(self.scope.to_vec());
            let response = format!("\"{}\"", "x".repeat(RESPONSE_LENGTH));
            return vec![scope(), scope(), Text(response), At(self.now), At(self.now)];
        }
        let found = match statement.module {
            module if is("INSERT INTO offshoot_events") => Some(self.event_values(module)),
            "carts" => Some(vec![Id(self.cart)]),
            "catalog" => Some(vec![self.products()]),
            "orders" if is("offshoot_saga") => self.saga_values(statement),
            "orders" => self.order_values(statement),
            "inventory" => self.inventory_values(statement),
            _ => self.payment_values(statement),
        };
        found.unwrap_or_else(|| panic!("no parameters are known for {}", statement.text))
    }

    fn order_values(&self, statement: &Statement) -> Option<Vec<Value>> {
        let is = |part: &str| statement.text.contains(part);
        let (order, now, scope) = (Id(self.order), At(self.now), || Bytes(self.scope.to_vec()));
        Some(if is("FROM orders WHERE request") {
            vec![scope()]
        } else if is("INSERT INTO orders") {
            let who = [order, Id(self.cart), text("ada@example.com"), text("Unspecified")];
            let what = [
                text("GBP"),
                Int(TOTAL),
                scope(),
                scope(),
                text("reserve authorize"),
                now,
            ];
            who.into_iter().chain(what).collect()
        } else if is("INSERT INTO order_lines") {
            let (orders, numbers) = (Ids(vec![self.order; 3]), Ints(vec![1, 2, 3]));
            let named = [texts(["85123A"; 3]), texts(["WHITE HANGING HEART T-LIGHT HOLDER"; 3])];
            let counted = [Ints(vec![1; 3]), Ints(vec![PRICE; 3]), Ints(vec![0; 3])];
            let columns = [orders, numbers, self.products()]
                .into_iter()
                .chain(named)
                .chain(counted);
            vec![Columns(columns.collect())]
        } else if is("UPDATE orders SET status = 'confirmed'") {
            vec![order, text("ship capture"), now]
        } else if is("INSERT INTO revenue") {
            vec![order, now, text("Unspecified"), text("GBP"), Int(TOTAL), Flag(false)]
        } else if is("UPDATE orders SET open_steps = NULL") {
            vec![order, now]
        } else {
            return None;
        })
    }

    fn saga_values(&self, statement: &Statement) -> Option<Vec<Value>> {
        let is = |part: &str| statement.text.contains(part);
        let (saga, first) = (Text(self.saga()), statement.repeats == 0);
        Some(if is("INSERT INTO offshoot_sagas") {
            let what = [
                saga,
                Text(self.order.to_string()),
                text("checkout"),
                Int(1),
                Flag(false),
            ];
            let when = [Flag(false), text("{}"), self.lease(), self.lease(), At(self.now)];
            what.into_iter().chain(when).collect()
        } else if is("INSERT INTO offshoot_saga_steps") && first {
            vec![self.steps([1, 2], ["reserve", "authorize"])]
        } else if is("INSERT INTO offshoot_saga_steps") {
            vec![self.steps([3, 4], ["ship", "capture"])]
        } else if is("UPDATE offshoot_saga_steps") {
            vec![saga, At(self.now)]
        } else if is("UPDATE offshoot_sagas") {
            let (state, stage) = if first { ("running", 1) } else { ("done", 2) };
            let due = if first { self.lease() } else { NoTime };
            let what = [saga, Int(0), text(state), Flag(false), Flag(true), Int(stage)];
            what.into_iter()
                .chain([text("{}"), due, At(self.now), Flag(first)])
                .collect()
        } else {
            return None;
        })
    }

    fn inventory_values(&self, statement: &Statement) -> Option<Vec<Value>> {
        let is = |part: &str| statement.text.contains(part);
        let reference = self.reference("reserve");
        Some(if is("INSERT INTO reservations") {
            vec![Text(reference), text("held"), self.lease()]
        } else if is("INSERT INTO reservation_lines") {
            let references = Texts(vec![reference; 3]);
            vec![Columns(vec![references, self.products(), Ints(vec![1; 3])])]
        } else if is("UPDATE stock SET") {
            vec![Text(reference)]
        } else if is("UPDATE reservations SET state") {
            vec![Text(reference), text("held"), text("committed")]
        } else if is("FROM reservations WHERE") || is("FROM reservation_lines WHERE") {
            vec![Texts(vec![reference])]
        } else if is("INSERT INTO movements") {
            let movements = Ids([(); 3].map(|()| Uuid::now_v7()).into());
            let references = Texts([1, 2, 3].map(|line| format!("{reference}/{line}")).into());
            let kinds = [self.products(), movements, texts(["sold"; 3]), Ints(vec![-1; 3])];
            let rest = [references, texts([""; 3]), Times(vec![self.now; 3])];
            vec![Columns(kinds.into_iter().chain(rest).collect())]
        } else {
            return None;
        })
    }

    fn payment_values(&self, statement: &Statement) -> Option<Vec<Value>> {
        let is = |part: &str| statement.text.contains(part);
        let (reference, now) = (Text(self.reference("authorize")), At(self.now));
        Some(if is("INSERT INTO payments") {
            vec![reference, Int(TOTAL), text("GBP"), now]
        } else if is("UPDATE payments SET status") && statement.repeats == 0 {
            vec![reference, text("pending"), text("authorized"), NoText, now]
        } else if is("UPDATE payments SET status") {
            vec![reference, text("authorized"), text("captured"), NoText, now]
        } else if is("FROM payments WHERE") {
            vec![reference]
        } else {
            return None;
        })
    }

    /// Parameters of published events; the baseline has no subscribers.
    fn event_values(&self, module: &str) -> Vec<Value> {
        let now = self.now;
        if module == "orders" {
            let what = [text("order-placed"), Int(1), Text(self.order.to_string()), Int(35)];
            return what
                .into_iter()
                .chain([Flag(true), Text("x".repeat(ORDER_EVENT_LENGTH)), At(now)])
                .collect();
        }
        let keys = self.products.map(|id| id.to_string()).into();
        let what = [
            texts(["stock-changed"; 3]),
            Ints(vec![1; 3]),
            Texts(keys),
            Ints(vec![35; 3]),
        ];
        let rest = [
            Flags(vec![true; 3]),
            Texts(vec!["x".repeat(STOCK_EVENT_LENGTH); 3]),
            Times(vec![now; 3]),
        ];
        vec![Columns(what.into_iter().chain(rest).collect())]
    }

    /// A future lease, so that the saga is not resumed as interrupted.
    fn lease(&self) -> Value {
        At(self.now.plus(LEASE))
    }
}

/// Encodes parameters for Postgres: a list is an array.
pub(crate) fn postgres_arguments(values: Vec<Value>) -> PgArguments {
    let mut arguments = PgArguments::default();
    let flat = values.into_iter().flat_map(|value| match value {
        Columns(columns) => columns,
        one => vec![one],
    });
    for value in flat {
        let added = match value {
            Id(id) => arguments.add(id),
            Int(number) => arguments.add(number),
            Flag(flag) => arguments.add(flag),
            Text(text) => arguments.add(text),
            Bytes(bytes) => arguments.add(bytes),
            At(time) => arguments.add(time),
            NoText => arguments.add(None::<String>),
            NoTime => arguments.add(None::<Timestamp>),
            Ids(ids) => arguments.add(ids),
            Ints(numbers) => arguments.add(numbers),
            Texts(texts) => arguments.add(texts),
            NoTexts(count) => arguments.add(vec![None::<String>; count]),
            Flags(flags) => arguments.add(flags),
            Times(times) => arguments.add(times),
            Columns(_) => unreachable!("columns were flattened"),
        };
        added.expect("the value encodes");
    }
    arguments
}

/// Encodes parameters for SQLite: a list is a JSON text, with bytes in hexadecimal.
pub(crate) fn sqlite_arguments(values: Vec<Value>) -> SqliteArguments {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Id(id) => arguments.add(id),
            Int(number) => arguments.add(number),
            Flag(flag) => arguments.add(flag),
            Text(text) => arguments.add(text),
            Bytes(bytes) => arguments.add(bytes),
            At(time) => arguments.add(time),
            NoText => arguments.add(None::<String>),
            NoTime => arguments.add(None::<Timestamp>),
            Columns(columns) => {
                let columns: Vec<_> = columns.into_iter().map(elements).collect();
                let rows =
                    (0..columns[0].len()).map(|row| columns.iter().map(|column| &column[row]).collect::<Vec<_>>());
                arguments.add(serde_json::json!(rows.collect::<Vec<_>>()).to_string())
            }
            list => arguments.add(serde_json::json!(elements(list)).to_string()),
        };
        added.expect("the value encodes");
    }
    arguments
}

fn elements(list: Value) -> Vec<serde_json::Value> {
    match list {
        Ids(ids) => ids.into_iter().map(|id| id.simple().to_string().into()).collect(),
        Ints(numbers) => numbers.into_iter().map(Into::into).collect(),
        Texts(texts) => texts.into_iter().map(Into::into).collect(),
        Flags(flags) => flags.into_iter().map(Into::into).collect(),
        NoTexts(count) => vec![serde_json::Value::Null; count],
        Times(times) => times.into_iter().map(|time| time.as_micros().into()).collect(),
        _ => unreachable!("the value is not a list"),
    }
}
