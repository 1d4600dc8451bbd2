//! What a person would write: the same inserts and updates through sqlx, without anything that makes them safe.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _, PgConnection};

/// Events that one transaction of a consumer handles.
const BATCH: i64 = 200;

async fn connect(url: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.expect("the server answers");
    connection.execute("SET search_path TO bare").await.expect("it runs");
    connection
}

pub(crate) async fn prepare(url: &str) {
    let mut connection = PgConnection::connect(url).await.expect("the server answers");
    let tables = "CREATE SCHEMA bare; SET search_path TO bare; \
        CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, position bigint UNIQUE, name text NOT NULL, \
            version integer NOT NULL, key text NOT NULL, bucket integer NOT NULL, lasting boolean NOT NULL, \
            payload text NOT NULL, at timestamptz NOT NULL); \
        CREATE INDEX ON events (id) WHERE position IS NULL; \
        CREATE TABLE heard (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, count bigint NOT NULL); \
        CREATE TABLE cursors (partition integer PRIMARY KEY, position bigint NOT NULL); \
        INSERT INTO cursors VALUES (0, 0), (1, 0), (2, 0), (3, 0);";
    sqlx::raw_sql(tables).execute(&mut connection).await.expect("it runs");
}

/// `publishers` insert `count` events one by one; meanwhile they are numbered, and four consumers write down as many rows
/// and move their cursors. Answers how long it took.
pub(crate) async fn run(url: &str, publishers: i64, count: i64, payload: &str) -> Duration {
    let start = Instant::now();
    let (published, handled) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let mut tasks = Vec::new();
    for publisher in 0..publishers {
        let (url, payload, published) = (url.to_owned(), payload.to_owned(), Arc::clone(&published));
        tasks.push(tokio::spawn(async move {
            let mut connection = connect(&url).await;
            let insert = "INSERT INTO events (name, version, key, bucket, lasting, payload, at) \
                          VALUES ('counted', 1, $1, $2, false, $3, now())";
            for one in (publisher..count).step_by(usize::try_from(publishers).expect("a few")) {
                connection.execute("BEGIN").await.expect("it runs");
                let key = format!("shelf-{}", one % 1_000);
                let bucket = i32::try_from(one % 64).expect("below 64");
                let query = sqlx::query(insert).bind(key).bind(bucket).bind(&payload);
                query.execute(&mut connection).await.expect("it runs");
                connection.execute("COMMIT").await.expect("it runs");
                published.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let (numbering, published_) = (url.to_owned(), Arc::clone(&published));
    tasks.push(tokio::spawn(async move {
        let mut connection = connect(&numbering).await;
        let mut numbered = 0;
        while numbered < count {
            if published_.load(Ordering::Relaxed) == numbered {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            let number = "UPDATE events SET position = id WHERE id IN \
                          (SELECT id FROM events WHERE position IS NULL ORDER BY id LIMIT 2000)";
            let done = connection.execute(number).await.expect("it runs");
            numbered += i64::try_from(done.rows_affected()).expect("a few");
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
                connection.execute("BEGIN").await.expect("it runs");
                for one in 0..ready {
                    let insert = sqlx::query("INSERT INTO heard (key, count) VALUES ($1, $2)");
                    let insert = insert.bind(format!("shelf-{one}")).bind(one);
                    insert.execute(&mut connection).await.expect("it runs");
                }
                let moved = sqlx::query("UPDATE cursors SET position = position + $1 WHERE partition = $2");
                let moved = moved.bind(ready).bind(i32::try_from(partition).expect("below 4"));
                moved.execute(&mut connection).await.expect("it runs");
                connection.execute("COMMIT").await.expect("it runs");
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
