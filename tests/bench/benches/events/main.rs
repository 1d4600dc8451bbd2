//! Cost of events: publishing within a transaction, latency from commit to handler, steady throughput, draining a
//! backlog.

#[path = "../shared/memory.rs"]
mod memory;
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/rounds.rs"]
mod rounds;

mod baseline;
mod fixture;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use offshoot_db::{Db, Engine, sql};
use offshoot_outbox::{Publish as _, Subscription};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::time::sleep;

use crate::fixture::{
    BenchEvent, Fixture, RecordingProjection, RecordingSubscriber, SubscriptionWorker, count_handled, counted, cx,
    settings,
};
use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};

const ROUNDS: usize = 7;
/// Transactions per round.
const TRANSACTIONS: i64 = 300;
/// Events per latency run, and the pause between two events.
const LATENCY_EVENTS: i64 = 1_500;
const PAUSE: Duration = Duration::from_millis(5);
/// Events per throughput round.
const STEADY_EVENTS: i64 = 8_000;
const PUBLISHERS: i64 = 8;
/// Events of the backlog, and of each timed part.
const BACKLOG: i64 = 1_000_000;
const PART: i64 = 100_000;

fn main() {
    let postgres = Postgres::start();
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    let engines = [Engine::Sqlite, Engine::Postgres].into_iter();
    let engines: Vec<_> = engines
        .filter(|engine| *engine == Engine::Sqlite || postgres.is_some())
        .collect();
    // Arguments after `--` select benchmarks: publishing, latency, steady, backlog.
    let selected: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_selected = |name: &str| selected.is_empty() || selected.iter().any(|word| word == name);
    runtime.block_on(async {
        for engine in engines.iter().filter(|_| is_selected("publishing")) {
            measure_publishing(*engine, postgres.as_ref()).await;
        }
        for engine in engines.iter().filter(|_| is_selected("latency")) {
            measure_latency(*engine, postgres.as_ref(), false).await;
        }
        if let Some(postgres) = &postgres {
            if is_selected("latency") {
                measure_latency(Engine::Postgres, Some(postgres), true).await;
            }
            if is_selected("steady") {
                measure_steady_throughput(postgres).await;
            }
        }
        for engine in engines.iter().filter(|_| is_selected("backlog")) {
            measure_backlog(*engine, postgres.as_ref()).await;
        }
    });
}

/// Compares a transaction like the confirmation of an order, with and without one event.
async fn measure_publishing(engine: Engine, postgres: Option<&Postgres>) {
    let fixture = Fixture::create(engine, postgres, "publishing").await;
    let next = AtomicI64::new(0);
    let figures = alternate(ROUNDS, 2, async |contestant| {
        let start = Instant::now();
        for _ in 0..TRANSACTIONS {
            confirm(
                &fixture.publisher,
                next.fetch_add(1, Ordering::Relaxed),
                contestant == 1,
            )
            .await;
        }
        start.elapsed().as_secs_f64() * 1e3 / TRANSACTIONS as f64
    })
    .await;
    let (without, with) = (figures[0].iter().copied(), figures[1].iter().copied());
    let ratio = Spread::from_ratios(with.clone(), without.clone());
    report(
        &format!("a commit with an event, {engine}, ms"),
        Spread::from_values(with),
        Spread::from_values(without),
        ratio,
    );
}

async fn confirm(db: &Db, id: i64, publishes: bool) {
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.expect("the transaction begins");
    let work = sql!("INSERT INTO work (id, state, at) VALUES ($1, 'confirmed', $2)");
    tx.execute(work, (id, id)).await.expect("the statement succeeds");
    for name in ["reserve", "authorize"] {
        let step = sql!("INSERT INTO steps (id, name, state) VALUES ($1, $2, 'done')");
        tx.execute(step, (id, name)).await.expect("the statement succeeds");
    }
    let ended = sql!("UPDATE steps SET state = 'ended' WHERE id = $1");
    tx.execute(ended, (id,)).await.expect("the statement succeeds");
    let sum = sql!("INSERT INTO sums (id, amount) VALUES ($1, $2)");
    tx.execute(sum, (id, id)).await.expect("the statement succeeds");
    if publishes {
        tx.publish(&counted(id, 1_000)).await.expect("the statement succeeds");
    }
    tx.commit_part().await.expect("the transaction commits");
}

async fn publish_and_commit(db: &Db, event: &BenchEvent) {
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.expect("the transaction begins");
    tx.publish(event).await.expect("the statement succeeds");
    tx.commit_part().await.expect("the transaction commits");
}

/// Measures the time from the end of a commit to the start of the handler.
async fn measure_latency(engine: Engine, postgres: Option<&Postgres>, long_transaction: bool) {
    let name = if long_transaction { "latency_long" } else { "latency" };
    let fixture = Fixture::create(engine, postgres, name).await;
    let mut foreign = None;
    if long_transaction {
        let url = postgres.expect("the caller has a cluster").database("elsewhere");
        let mut connection = PgConnection::connect(&url).await.expect("Postgres answers");
        let open = sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()");
        open.execute(&mut connection).await.expect("the statement succeeds");
        foreign = Some(connection);
    }
    let began = Arc::new(Mutex::new(vec![
        None::<Instant>;
        usize::try_from(LATENCY_EVENTS).expect("a small number")
    ]));
    let noted = Arc::clone(&began);
    let subscriber = RecordingSubscriber(move |count: i64| {
        let index = usize::try_from(count).expect("a count is not negative");
        noted.lock().expect("no thread panicked with the lock")[index].get_or_insert_with(Instant::now);
    });
    let subscription = Subscription::new("bench", Arc::new(subscriber)).with_settings(settings(4));
    let _worker = SubscriptionWorker::start(&fixture, subscription);
    sleep(Duration::from_secs(1)).await;
    let mut committed = Vec::new();
    for count in 0..LATENCY_EVENTS {
        publish_and_commit(&fixture.publisher, &counted(count, 1_000)).await;
        committed.push(Instant::now());
        sleep(PAUSE).await;
    }
    while count_handled(&fixture.subscriber).await < LATENCY_EVENTS {
        sleep(Duration::from_millis(20)).await;
    }
    let began = began.lock().expect("no thread panicked with the lock").clone();
    let mut took: Vec<f64> = committed
        .iter()
        .zip(began)
        .map(|(committed, began)| {
            began
                .expect("every event was handled")
                .saturating_duration_since(*committed)
        })
        .map(|took| took.as_secs_f64() * 1e3)
        .collect();
    took.sort_by(f64::total_cmp);
    let at = |permille: usize| took[(took.len() - 1) * permille / 1_000];
    println!(
        "{:34} | p50 {:.2} ms | p99 {:.2} ms | longest {:.2} ms | {LATENCY_EVENTS} events, one every {} ms{}",
        format!("commit to handler, {engine}"),
        at(500),
        at(990),
        at(1_000),
        PAUSE.as_millis(),
        if long_transaction {
            ", beside an open transaction in another database"
        } else {
            ""
        }
    );
    if let Some(mut foreign) = foreign {
        foreign.execute("ROLLBACK").await.expect("the statement succeeds");
    }
}

/// Measures the throughput of concurrent publishing and handling, compared with handwritten statements for the same
/// rows.
async fn measure_steady_throughput(postgres: &Postgres) {
    let fixture = Fixture::create(Engine::Postgres, Some(postgres), "steady").await;
    let url = fixture.url.clone().expect("the fixture is on Postgres");
    baseline::create_tables(&url).await;
    let payload = counted(1, 1_000);
    let payload = offshoot_contract::EventSet::payload(&payload).expect("the event serializes");
    let subscription = Subscription::new("bench", Arc::new(RecordingSubscriber(|_| {}))).with_settings(settings(4));
    let _worker = SubscriptionWorker::start(&fixture, subscription);
    sleep(Duration::from_secs(1)).await;
    let figures = alternate(ROUNDS, 2, async |contestant| {
        let took = if contestant == 0 {
            publish_and_handle(&fixture).await
        } else {
            baseline::publish_and_handle(&url, PUBLISHERS, STEADY_EVENTS, &payload).await
        };
        STEADY_EVENTS as f64 / took.as_secs_f64()
    })
    .await;
    let (ours, theirs) = (figures[0].iter().copied(), figures[1].iter().copied());
    let ratio = Spread::from_ratios(ours.clone(), theirs.clone());
    report(
        "published and handled, Postgres, 1/s",
        Spread::from_values(ours),
        Spread::from_values(theirs),
        ratio,
    );
}

async fn publish_and_handle(fixture: &Fixture) -> Duration {
    let before = count_handled(&fixture.subscriber).await;
    let start = Instant::now();
    let publishing = (0..PUBLISHERS).map(|publisher| {
        let db = fixture.publisher.clone();
        tokio::spawn(async move {
            for count in (publisher..STEADY_EVENTS).step_by(usize::try_from(PUBLISHERS).expect("a small number")) {
                publish_and_commit(&db, &counted(count, 1_000)).await;
            }
        })
    });
    for publisher in publishing.collect::<Vec<_>>() {
        publisher.await.expect("no publisher panics");
    }
    while count_handled(&fixture.subscriber).await < before + STEADY_EVENTS {
        sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

/// Measures how a subscriber drains a backlog of a million events.
async fn measure_backlog(engine: Engine, postgres: Option<&Postgres>) {
    let fixture = Fixture::create(engine, postgres, "backlog").await;
    for first in (0..BACKLOG).step_by(1_000) {
        let events: Vec<_> = (first..first + 1_000).map(|count| counted(count, 10_000)).collect();
        let mut cx = cx();
        let mut tx = fixture.publisher.begin(&mut cx).await.expect("the transaction begins");
        tx.publish_all(&events).await.expect("the statement succeeds");
        tx.commit_part().await.expect("the transaction commits");
    }
    let before = resident_megabytes();
    let _worker = SubscriptionWorker::start(
        &fixture,
        Subscription::projection("bench", Arc::new(RecordingProjection)),
    );
    let (start, mut parts, mut listing, mut most) = (Instant::now(), Vec::new(), 0.0_f64, before);
    let mut last = start;
    for part in 1..=BACKLOG / PART {
        while handled_position(&fixture).await < part * PART {
            sleep(Duration::from_millis(50)).await;
        }
        parts.push(format!("{:.0}", PART as f64 / last.elapsed().as_secs_f64()));
        last = Instant::now();
        most = most.max(resident_megabytes());
        let listed_at = Instant::now();
        let mut cx = cx();
        offshoot_outbox::outbox_status(&fixture.publisher, &mut cx)
            .await
            .expect("the status is read");
        offshoot_outbox::status(&fixture.subscriber, &mut cx)
            .await
            .expect("the status is read");
        listing = listing.max(listed_at.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "{:34} | {:.0} s | events/s by {PART}: {} | memory {before:.0} to {most:.0} MB | lag listed in {listing:.1} ms",
        format!("a backlog of {BACKLOG}, {engine}"),
        start.elapsed().as_secs_f64(),
        parts.join(" ")
    );
}

async fn handled_position(fixture: &Fixture) -> i64 {
    let status = offshoot_outbox::status(&fixture.subscriber, &mut cx())
        .await
        .expect("the status is read");
    status.iter().map(|partition| partition.position).min().unwrap_or(0)
}

/// Resident memory of this process in MB.
fn resident_megabytes() -> f64 {
    memory::process_megabytes(std::process::id(), "VmRSS").unwrap_or(0.0)
}
