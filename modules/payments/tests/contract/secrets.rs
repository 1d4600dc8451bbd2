//! What stands for a card is nowhere afterwards: not in the database, and in nothing that was logged at any level.

use std::fmt::Write as _;
use std::sync::Mutex;

use offshoot_db::Engine;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};
use tracing_subscriber::fmt::MakeWriter;

use crate::T;
use crate::holding::authorize;

/// All that this process has logged, as far as it has anything to do with what must not be there.
static LOGGED: Mutex<String> = Mutex::new(String::new());

/// Shows that what is logged is heard.
const HEARD: &str = "tok_ is heard";
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

/// Listens to everything that is logged from now on.
pub(crate) fn listen() {
    let everything = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    everything.with_writer(Log).init();
}

pub(crate) async fn no_card_and_no_token_is_kept_or_logged(t: T) {
    let written = format!("{} {}", &CARD[..8], &CARD[8..]);
    for (n, token) in [CARD, &written, TOKEN, "tok_visa", "tok_timeout"]
        .into_iter()
        .enumerate()
    {
        drop(authorize(&t, &format!("a{n}"), 5, token).await);
    }
    let kept = everything(&t).await;
    assert!(kept.contains("a3"), "it was looked for in the right place: {kept}");
    for secret in [CARD, &CARD[..8], TOKEN, "tok_"] {
        assert!(!kept.contains(secret), "{secret} is kept: {kept}");
    }
    tracing::trace!("{HEARD}");
    let logged = LOGGED.lock().unwrap();
    let (heard, leaked): (Vec<_>, Vec<_>) = logged.lines().partition(|line| line.contains(HEARD));
    assert!(!heard.is_empty(), "nobody listens");
    assert!(leaked.is_empty(), "{leaked:?}");
}

/// Every row of every table as text.
async fn everything(t: &T) -> String {
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
