//! The statements of a real checkout, as the store's log has them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::serving::Serving;
use crate::shop::Shop;
use crate::store::{Binary, Store};
use crate::store_without_hearers;

/// Every statement that was issued, without its values, and nothing else.
const LOG: (&str, &str) = ("RUST_LOG", "off,sqlx::query=debug");
/// How long the log gets after an answer, to be written.
const SETTLE: Duration = Duration::from_millis(500);
/// With this a checkout begins, and some time before the next COMMIT after the other it ends.
const FIRST: &str = "FROM orders WHERE request";
const LAST: &str = "INSERT INTO offshoot_answers";
/// What a store does at all times names one of these.
const OTHERS: [&str; 6] = [
    "offshoot_replicas",
    "offshoot_leases",
    "offshoot_cursors",
    "offshoot_log",
    "offshoot_readers",
    "FROM offshoot_sagas",
];
/// So many checkouts are made until one has no such statement beside it.
const ATTEMPTS: usize = 50;

/// Tables of the modules whose statements are looked for. The first that is named by a statement tells its module.
const TABLES: [(&str, &str); 10] = [
    ("order_lines", "orders"),
    ("offshoot_saga", "orders"),
    ("orders", "orders"),
    ("revenue", "orders"),
    ("cart_lines", "carts"),
    ("carts", "carts"),
    ("products", "catalog"),
    ("payments", "payments"),
    ("reservation", "inventory"),
    ("stock", "inventory"),
];

/// What a checkout asks its databases for, in order.
pub(crate) struct Captured {
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) module: &'static str,
    pub(crate) text: Arc<str>,
    /// How often the same text came before it.
    pub(crate) repeats: usize,
    /// How many rows it changed, or found.
    pub(crate) rows: u64,
}

impl Statement {
    pub(crate) fn begins(&self) -> bool {
        self.text.starts_with("BEGIN")
    }

    pub(crate) fn commits(&self) -> bool {
        &*self.text == "COMMIT"
    }

    /// Whether it makes its transaction the one that confirms the order.
    pub(crate) fn confirms(&self) -> bool {
        self.text.starts_with("UPDATE orders SET status = 'confirmed'")
    }

    pub(crate) fn announces(&self) -> bool {
        self.text.starts_with("INSERT INTO offshoot_events")
    }

    /// Whether it answers rows.
    pub(crate) fn asks(&self) -> bool {
        asks(&self.text)
    }
}

impl Captured {
    /// Buys something in a store of its own process, under the eyes of its log.
    pub(crate) async fn from(binary: &Binary, store: &Store) -> Self {
        let file = store.folder.path().join("statements.log");
        let log = fs::File::create(&file).expect("a temporary file can be made");
        let mut command = store_without_hearers(binary, store);
        command.env(LOG.0, LOG.1).stderr(log);
        let serving = Serving::of(&mut command);
        let shop = Arc::new(Shop::open(&serving.address, store).await);
        // One before it fills caches and connections.
        Arc::clone(&shop).buy(shop.carts(1).await).await;
        for _ in 0..ATTEMPTS {
            let cart = shop.carts(1).await;
            let before = texts(&file).len();
            Arc::clone(&shop).buy(cart).await;
            sleep(SETTLE).await;
            if let Some(texts) = checkout(texts(&file).split_off(before)) {
                return Self::of(texts);
            }
        }
        panic!("{} has no checkout with nothing beside it", file.display());
    }

    fn of(texts: Vec<(String, u64)>) -> Self {
        let mut statements: Vec<Statement> = Vec::with_capacity(texts.len());
        for (at, (text, rows)) in texts.iter().enumerate() {
            // Tables that every module has say nothing: what begins belongs to what follows, the others to what precedes.
            let module = if text.starts_with("BEGIN") {
                texts[at + 1..].iter().find_map(|(text, _)| module(text))
            } else {
                module(text).or_else(|| statements.last().map(|before| before.module))
            };
            statements.push(Statement {
                module: module.unwrap_or_else(|| panic!("whose is {text}")),
                text: text.as_str().into(),
                repeats: texts[..at].iter().filter(|(before, _)| before == text).count(),
                rows: *rows,
            });
        }
        Self { statements }
    }

    pub(crate) fn commits(&self) -> usize {
        self.statements.iter().filter(|it| it.commits()).count()
    }
}

fn asks(text: &str) -> bool {
    // Whoever owns the data is asked for with the BEGIN.
    ["SELECT", "BEGIN"].iter().any(|word| text.starts_with(word)) || text.contains("RETURNING")
}

/// From its first statement to its last, if nothing else was asked for meanwhile.
fn checkout(mut texts: Vec<(String, u64)>) -> Option<Vec<(String, u64)>> {
    let place = |from: usize, is: &dyn Fn(&str) -> bool| {
        let found = texts[from..].iter().position(|(text, _)| is(text));
        found.map(|place| from + place)
    };
    let first = place(0, &|text| text.contains(FIRST))?;
    let answered = place(first, &|text| text.contains(LAST))?;
    let last = place(answered, &|text| text == "COMMIT")?;
    texts.truncate(last + 1);
    texts.drain(..first);
    let alone = !texts
        .iter()
        .any(|(text, _)| OTHERS.iter().any(|other| text.contains(other)));
    alone.then_some(texts)
}

/// The module whose table a statement names first.
fn module(text: &str) -> Option<&'static str> {
    let found = TABLES
        .iter()
        .filter_map(|(table, module)| Some((text.find(table)?, *module)));
    found.min_by_key(|(place, _)| *place).map(|(_, module)| module)
}

/// The statements in a log, with the rows that they changed or found.
fn texts(log: &Path) -> Vec<(String, u64)> {
    let log = fs::read_to_string(log).expect("the log can be read");
    log.lines().filter_map(statement).collect()
}

/// `… summary="SELECT id …" db.statement="\n\nSELECT id FROM orders\n" rows_affected=0 rows_returned=1 …`
fn statement(line: &str) -> Option<(String, u64)> {
    let (_, line) = line.split_once(" sqlx::query: summary=")?;
    let (summary, rest) = line.split_once(" db.statement=")?;
    let (whole, rest) = rest.split_once(" rows_affected=")?;
    let (changed, rest) = rest.split_once(" rows_returned=")?;
    let (found, _) = rest.split_once(' ')?;
    // A short statement is its own summary.
    let quoted = if whole == "\"\"" { summary } else { whole };
    let text: String = serde_json::from_str(quoted).expect("it is quoted as JSON is");
    let text = text.trim().to_owned();
    let rows = if asks(&text) { found } else { changed };
    Some((text, rows.parse().expect("it is a number")))
}
