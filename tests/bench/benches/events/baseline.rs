//! Handwritten baseline: the same inserts and updates through sqlx, without leases, deduplication or recovery.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _, PgConnection};

/// Events per consumer transaction.
const BATCH: i64 = 200;

async fn connect(url: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    connection
        .execute("SET search_path TO baseline")
        .await
        .expect("the statement succeeds");
    connection
}

pub(crate) async fn create_tables(url: &str) {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    let tables = "CREATE SCHEMA baseline; SET search_path TO baseline; \
        CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, position bigint UNIQUE, name text NOT NULL, \
            version integer NOT NULL, key text NOT NULL, bucket integer NOT NULL, lasting boolean NOT NULL, \
            payload text NOT NULL, at timestamptz NOT NULL); \
        CREATE INDEX ON events (id) WHERE position IS NULL; \
        CREATE TABLE handled_events (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, count bigint NOT NULL); \
        CREATE TABLE cursors (partition integer PRIMARY KEY, position bigint NOT NULL); \
        INSERT INTO cursors VALUES (0, 0), (1, 0), (2, 0), (3, 0);";
    sqlx::raw_sql(tables)
        .execute(&mut connection)
        .await
        .expect("the statement succeeds");
}

/// Runs `publishers` that insert `count` events one by one, a task that numbers the events, and four consumers that
/// insert one row per event and move a cursor. Returns the elapsed time.
pub(crate) async fn publish_and_handle(url: &str, publishers: i64, count: i64, payload: &str) -> Duration {
    let start = Instant::now();
    let (published, handled) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let mut tasks = Vec::new();
    for publisher in 0..publishers {
        let (url, payload, published) = (url.to_owned(), payload.to_owned(), Arc::clone(&published));
        tasks.push(tokio::spawn(async move {
            let mut connection = connect(&url).await;
            let insert = "INSERT INTO events (name, version, key, bucket, lasting, payload, at) \
                          VALUES ('counted', 1, $1, $2, false, $3, now())";
            for number in (publisher..count).step_by(usize::try_from(publishers).expect("a small number")) {
                connection.execute("BEGIN").await.expect("the statement succeeds");
                let key = format!("shelf-{}", number % 1_000);
                let bucket = i32::try_from(number % 64).expect("below 64");
                let query = sqlx::query(insert).bind(key).bind(bucket).bind(&payload);
                query.execute(&mut connection).await.expect("the statement succeeds");
                connection.execute("COMMIT").await.expect("the statement succeeds");
                published.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let (numbering, published_count) = (url.to_owned(), Arc::clone(&published));
    tasks.push(tokio::spawn(async move {
        let mut connection = connect(&numbering).await;
        let mut numbered = 0;
        while numbered < count {
            if published_count.load(Ordering::Relaxed) == numbered {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            let number = "UPDATE events SET position = id WHERE id IN \
                          (SELECT id FROM events WHERE position IS NULL ORDER BY id LIMIT 2000)";
            let done = connection.execute(number).await.expect("the statement succeeds");
            numbered += i64::try_from(done.rows_affected()).expect("a small number");
        }
    }));
    for partition in 0..4_i64 {
        let (url, published, handled) = (url.to_owned(), Arc::clone(&published), Arc::clone(&handled));
        tasks.push(tokio::spawn(async move {
            let mut connection = connect(&url).await;
            let share = count / 4;
            let mut done = 0;
            while done < share {
                let ready = (published.load(Ordering::Relaxed) / 4 - done).min(BATCH);
                if ready <= 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                }
                connection.execute("BEGIN").await.expect("the statement succeeds");
                for number in 0..ready {
                    let insert = sqlx::query("INSERT INTO handled_events (key, count) VALUES ($1, $2)");
                    let insert = insert.bind(format!("shelf-{number}")).bind(number);
                    insert.execute(&mut connection).await.expect("the statement succeeds");
                }
                let moved = sqlx::query("UPDATE cursors SET position = position + $1 WHERE partition = $2");
                let moved = moved.bind(ready).bind(i32::try_from(partition).expect("below 4"));
                moved.execute(&mut connection).await.expect("the statement succeeds");
                connection.execute("COMMIT").await.expect("the statement succeeds");
                done += ready;
                handled.fetch_add(ready, Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await.expect("no task panics");
    }
    start.elapsed()
}
