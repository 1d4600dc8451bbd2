//! Card numbers and tokens appear neither in the database nor in the log at any level.

use std::fmt::Write as _;
use std::sync::Mutex;

use offshoot_db::Engine;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};
use tracing_subscriber::fmt::MakeWriter;

use crate::T;
use crate::authorizing::authorize;

/// Log lines of this process with a part of a card number or token.
static LOGGED: Mutex<String> = Mutex::new(String::new());

/// Log line that proves that the log is captured.
const PROBE: &str = "tok_ probe";
const CARD: &str = "5105105105105100";
const TOKEN: &str = "tok_secret_5f0c1e";

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if text.contains("51051051") || text.contains("tok_") {
            LOGGED.lock().unwrap().push_str(&text);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

/// Captures the whole log of this process from now on.
pub(crate) fn capture_log() {
    let all_levels = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    all_levels.with_writer(Log).init();
}

pub(crate) async fn no_card_number_and_no_token_is_stored_or_logged(t: T) {
    let card_with_space = format!("{} {}", &CARD[..8], &CARD[8..]);
    for (n, token) in [CARD, &card_with_space, TOKEN, "tok_visa", "tok_timeout"]
        .into_iter()
        .enumerate()
    {
        drop(authorize(&t, &format!("a{n}"), 5, token).await);
    }
    let stored = all_rows(&t).await;
    assert!(
        stored.contains("a3"),
        "the rows do not contain the test payments: {stored}"
    );
    for secret in [CARD, &CARD[..8], TOKEN, "tok_"] {
        assert!(!stored.contains(secret), "{secret} is stored: {stored}");
    }
    tracing::trace!("{PROBE}");
    let logged = LOGGED.lock().unwrap();
    let (probes, leaked): (Vec<_>, Vec<_>) = logged.lines().partition(|line| line.contains(PROBE));
    assert!(!probes.is_empty(), "the log is not captured");
    assert!(leaked.is_empty(), "the log contains secrets: {leaked:?}");
}

/// Every row of every table, as text.
async fn all_rows(t: &T) -> String {
    let mut text = String::new();
    let mut cx = t.cx();
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    for table in ["payments", "refunds", "offshoot_answers"] {
        match t.db.engine() {
            Engine::Sqlite => {
                let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
                let rows: Vec<SqliteRow> = sqlx::query(sql).fetch_all(tx.sqlite().unwrap()).await.unwrap();
                for row in rows {
                    for column in 0..row.len() {
                        let value = row.try_get_unchecked::<Option<Vec<u8>>, _>(column).unwrap_or_default();
                        let _ = write!(text, "{} ", String::from_utf8_lossy(&value.unwrap_or_default()));
                    }
                }
            }
            Engine::Postgres => {
                let sql = AssertSqlSafe(format!("SELECT CAST(row_to_json(t) AS text) FROM {table} t"));
                let rows: Vec<PgRow> = sqlx::query(sql).fetch_all(tx.postgres().unwrap()).await.unwrap();
                for row in rows {
                    text.push_str(row.get(0));
                }
            }
        }
    }
    text
}
