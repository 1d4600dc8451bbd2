//! Captures the statements of a real checkout from the store's log.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::shop::Shop;
use crate::store::{Binary, Store};
use crate::store_process::StoreProcess;
use crate::store_without_subscribers;

/// Log setting: every statement without values, and nothing else.
const LOG_FILTER: (&str, &str) = ("RUST_LOG", "off,sqlx::query=debug");
/// Delay after a response until the log is complete.
const LOG_DELAY: Duration = Duration::from_millis(500);
/// A checkout begins with the first text, and ends with the first COMMIT after the second text.
const FIRST: &str = "FROM orders WHERE request";
const LAST: &str = "INSERT INTO offshoot_answers";
/// Texts of background statements.
const BACKGROUND: [&str; 6] = [
    "offshoot_replicas",
    "offshoot_leases",
    "offshoot_cursors",
    "offshoot_log",
    "offshoot_readers",
    "FROM offshoot_sagas",
];
/// Maximum checkouts until one has no background statement in between.
const ATTEMPTS: usize = 50;

/// Tables by module. The first table in a statement determines the statement's module.
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

/// The statements of a checkout, in order.
pub(crate) struct Captured {
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) module: &'static str,
    pub(crate) text: Arc<str>,
    /// Number of earlier statements with the same text.
    pub(crate) repeats: usize,
    /// Number of rows changed or returned.
    pub(crate) rows: u64,
}

impl Statement {
    pub(crate) fn begins(&self) -> bool {
        self.text.starts_with("BEGIN")
    }

    pub(crate) fn commits(&self) -> bool {
        &*self.text == "COMMIT"
    }

    /// Whether the statement's transaction confirms the order.
    pub(crate) fn confirms(&self) -> bool {
        self.text.starts_with("UPDATE orders SET status = 'confirmed'")
    }

    pub(crate) fn publishes(&self) -> bool {
        self.text.starts_with("INSERT INTO offshoot_events")
    }

    /// Whether the statement returns rows.
    pub(crate) fn returns_rows(&self) -> bool {
        returns_rows(&self.text)
    }
}

impl Captured {
    /// Checks out carts in a store process and captures one checkout from the log.
    pub(crate) async fn from_checkout(binary: &Binary, store: &Store) -> Self {
        let file = store.folder.path().join("statements.log");
        let log = fs::File::create(&file).expect("a temporary file is created");
        let mut command = store_without_subscribers(binary, store);
        command.env(LOG_FILTER.0, LOG_FILTER.1).stderr(log);
        let process = StoreProcess::spawn(&mut command);
        let shop = Arc::new(Shop::open(&process.address, store).await);
        // The first checkout fills caches and connections.
        Arc::clone(&shop).buy(shop.fill_carts(1).await).await;
        for _ in 0..ATTEMPTS {
            let cart = shop.fill_carts(1).await;
            let before = logged_statements(&file).len();
            Arc::clone(&shop).buy(cart).await;
            sleep(LOG_DELAY).await;
            if let Some(texts) = isolate_checkout(logged_statements(&file).split_off(before)) {
                return Self::from_texts(texts);
            }
        }
        panic!("{} has no checkout without background statements", file.display());
    }

    fn from_texts(texts: Vec<(String, u64)>) -> Self {
        let mut statements: Vec<Statement> = Vec::with_capacity(texts.len());
        for (at, (text, rows)) in texts.iter().enumerate() {
            // Tables of every module do not determine a module: a BEGIN belongs to the next statement, every other
            // statement to the previous one.
            let module = if text.starts_with("BEGIN") {
                texts[at + 1..].iter().find_map(|(text, _)| module_of_statement(text))
            } else {
                module_of_statement(text).or_else(|| statements.last().map(|before| before.module))
            };
            statements.push(Statement {
                module: module.unwrap_or_else(|| panic!("no module is known for the statement {text}")),
                text: text.as_str().into(),
                repeats: texts[..at].iter().filter(|(before, _)| before == text).count(),
                rows: *rows,
            });
        }
        Self { statements }
    }

    pub(crate) fn commits(&self) -> usize {
        self.statements.iter().filter(|statement| statement.commits()).count()
    }
}

fn returns_rows(text: &str) -> bool {
    // A BEGIN also reads the owner row.
    ["SELECT", "BEGIN"].iter().any(|word| text.starts_with(word)) || text.contains("RETURNING")
}

/// The statements from the first to the last of a checkout; `None` if a background statement is in between.
fn isolate_checkout(mut texts: Vec<(String, u64)>) -> Option<Vec<(String, u64)>> {
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
        .any(|(text, _)| BACKGROUND.iter().any(|other| text.contains(other)));
    alone.then_some(texts)
}

/// The module of the first table that a statement names.
fn module_of_statement(text: &str) -> Option<&'static str> {
    let found = TABLES
        .iter()
        .filter_map(|(table, module)| Some((text.find(table)?, *module)));
    found.min_by_key(|(place, _)| *place).map(|(_, module)| module)
}

/// The statements in a log, with the number of changed or returned rows.
fn logged_statements(log: &Path) -> Vec<(String, u64)> {
    let log = fs::read_to_string(log).expect("the log is readable");
    log.lines().filter_map(parse_statement).collect()
}

/// Parses a line such as `… summary="SELECT id …" db.statement="\n\nSELECT id FROM orders\n" rows_affected=0
/// rows_returned=1 …`.
fn parse_statement(line: &str) -> Option<(String, u64)> {
    let (_, line) = line.split_once(" sqlx::query: summary=")?;
    let (summary, rest) = line.split_once(" db.statement=")?;
    let (whole, rest) = rest.split_once(" rows_affected=")?;
    let (changed, rest) = rest.split_once(" rows_returned=")?;
    let (found, _) = rest.split_once(' ')?;
    // A short statement is logged only as the summary.
    let quoted = if whole == "\"\"" { summary } else { whole };
    let text: String = serde_json::from_str(quoted).expect("the statement is quoted like JSON");
    let text = text.trim().to_owned();
    let rows = if returns_rows(&text) { found } else { changed };
    Some((text, rows.parse().expect("a row count is a number")))
}
