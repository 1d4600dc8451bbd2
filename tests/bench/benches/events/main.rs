//! Events: what announcing costs its transaction, how soon they are handled, how many, and how a backlog drains.

#[path = "../shared/memory.rs"]
mod memory;
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/rounds.rs"]
mod rounds;

mod bare;
mod depot;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use offshoot_db::{Db, Engine, sql};
use offshoot_outbox::{Publish as _, Subscription};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::time::sleep;

use crate::depot::{Copy, DepotEvent, Hearing, Listener, Place, counted, cx, heard, settings};
use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};

const ROUNDS: usize = 7;
/// Transactions of one round.
const CONFIRMED: i64 = 300;
/// Events of one latency run, and the pause between two.
const TIMED: i64 = 1_500;
const PAUSE: Duration = Duration::from_millis(5);
/// Events of one throughput round.
const STEADY: i64 = 8_000;
const PUBLISHERS: i64 = 8;
/// Events of the backlog, and of each part of it that is timed.
const BACKLOG: i64 = 1_000_000;
const PART: i64 = 100_000;

fn main() {
    let postgres = Postgres::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let engines = [Engine::Sqlite, Engine::Postgres].into_iter();
    let engines: Vec<_> = engines
        .filter(|engine| *engine == Engine::Sqlite || postgres.is_some())
        .collect();
    // Words after `--` choose among: announcing, latency, steady, backlog.
    let chosen: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|word| word == name);
    runtime.block_on(async {
        for engine in engines.iter().filter(|_| is_wanted("announcing")) {
            announcing(*engine, postgres.as_ref()).await;
        }
        for engine in engines.iter().filter(|_| is_wanted("latency")) {
            latency(*engine, postgres.as_ref(), false).await;
        }
        if let Some(postgres) = &postgres {
            if is_wanted("latency") {
                latency(Engine::Postgres, Some(postgres), true).await;
            }
            if is_wanted("steady") {
                steady(postgres).await;
            }
        }
        for engine in engines.iter().filter(|_| is_wanted("backlog")) {
            backlog(*engine, postgres.as_ref()).await;
        }
    });
}

/// A transaction like that which confirms an order, with one event and without any.
async fn announcing(engine: Engine, postgres: Option<&Postgres>) {
    let place = Place::on(engine, postgres, "announcing").await;
    let next = AtomicI64::new(0);
    let figures = alternate(ROUNDS, 2, async |contestant| {
        let start = Instant::now();
        for _ in 0..CONFIRMED {
            confirm(&place.depot, next.fetch_add(1, Ordering::Relaxed), contestant == 1).await;
        }
        start.elapsed().as_secs_f64() * 1e3 / CONFIRMED as f64
    })
    .await;
    let (without, with) = (figures[0].iter().copied(), figures[1].iter().copied());
    let ratio = Spread::of_ratios(with.clone(), without.clone());
    report(
        &format!("a commit with an event, {engine}, ms"),
        Spread::of(with),
        Spread::of(without),
        ratio,
    );
}

async fn confirm(db: &Db, id: i64, announces: bool) {
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.expect("it begins");
    let work = sql!("INSERT INTO work (id, state, at) VALUES ($1, 'confirmed', $2)");
    tx.execute(work, (id, id)).await.expect("it runs");
    for name in ["reserve", "authorize"] {
        let step = sql!("INSERT INTO steps (id, name, state) VALUES ($1, $2, 'done')");
        tx.execute(step, (id, name)).await.expect("it runs");
    }
    let ended = sql!("UPDATE steps SET state = 'ended' WHERE id = $1");
    tx.execute(ended, (id,)).await.expect("it runs");
    let sum = sql!("INSERT INTO sums (id, amount) VALUES ($1, $2)");
    tx.execute(sum, (id, id)).await.expect("it runs");
    if announces {
        tx.publish(&counted(id, 1_000)).await.expect("it runs");
    }
    tx.commit_part().await.expect("it commits");
}

async fn announce(db: &Db, event: &DepotEvent) {
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.expect("it begins");
    tx.publish(event).await.expect("it runs");
    tx.commit_part().await.expect("it commits");
}

/// From the end of a commit to the beginning of the handler.
async fn latency(engine: Engine, postgres: Option<&Postgres>, long_transaction: bool) {
    let name = if long_transaction { "latency_long" } else { "latency" };
    let place = Place::on(engine, postgres, name).await;
    let mut foreign = None;
    if long_transaction {
        let url = postgres.expect("there is one").database("elsewhere");
        let mut connection = PgConnection::connect(&url).await.expect("the server answers");
        let open = sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()");
        open.execute(&mut connection).await.expect("it runs");
        foreign = Some(connection);
    }
    let began = Arc::new(Mutex::new(vec![
        None::<Instant>;
        usize::try_from(TIMED).expect("a few")
    ]));
    let noted = Arc::clone(&began);
    let listener = Listener(move |count: i64| {
        let place = usize::try_from(count).expect("not below zero");
        noted.lock().expect("nobody panics")[place].get_or_insert_with(Instant::now);
    });
    let subscription = Subscription::new("bench", Arc::new(listener)).with(settings(4));
    let _hearing = Hearing::start(&place, subscription);
    sleep(Duration::from_secs(1)).await;
    let mut committed = Vec::new();
    for count in 0..TIMED {
        announce(&place.depot, &counted(count, 1_000)).await;
        committed.push(Instant::now());
        sleep(PAUSE).await;
    }
    while heard(&place.ledger).await < TIMED {
        sleep(Duration::from_millis(20)).await;
    }
    let began = began.lock().expect("nobody panics").clone();
    let mut took: Vec<f64> = committed
        .iter()
        .zip(began)
        .map(|(committed, began)| began.expect("all were handled").saturating_duration_since(*committed))
        .map(|took| took.as_secs_f64() * 1e3)
        .collect();
    took.sort_by(f64::total_cmp);
    let at = |permille: usize| took[(took.len() - 1) * permille / 1_000];
    println!(
        "{:34} | p50 {:.2} ms | p99 {:.2} ms | longest {:.2} ms | {TIMED} events, one every {} ms{}",
        format!("commit to handler, {engine}"),
        at(500),
        at(990),
        at(1_000),
        PAUSE.as_millis(),
        if long_transaction {
            ", beside a transaction that stays open in another database"
        } else {
            ""
        }
    );
    if let Some(mut foreign) = foreign {
        foreign.execute("ROLLBACK").await.expect("it runs");
    }
}

/// Events announced and handled at once, against the same rows written bare.
async fn steady(postgres: &Postgres) {
    let place = Place::on(Engine::Postgres, Some(postgres), "steady").await;
    let url = place.url.clone().expect("it is on Postgres");
    bare::prepare(&url).await;
    let payload = counted(1, 1_000);
    let payload = offshoot_contract::EventSet::payload(&payload).expect("it serializes");
    let subscription = Subscription::new("bench", Arc::new(Listener(|_| {}))).with(settings(4));
    let _hearing = Hearing::start(&place, subscription);
    sleep(Duration::from_secs(1)).await;
    let figures = alternate(ROUNDS, 2, async |contestant| {
        let took = if contestant == 0 {
            ours(&place).await
        } else {
            bare::run(&url, PUBLISHERS, STEADY, &payload).await
        };
        STEADY as f64 / took.as_secs_f64()
    })
    .await;
    let (ours, theirs) = (figures[0].iter().copied(), figures[1].iter().copied());
    let ratio = Spread::of_ratios(ours.clone(), theirs.clone());
    report(
        "announced and handled, Postgres, 1/s",
        Spread::of(ours),
        Spread::of(theirs),
        ratio,
    );
}

async fn ours(place: &Place) -> Duration {
    let before = heard(&place.ledger).await;
    let start = Instant::now();
    let publishing = (0..PUBLISHERS).map(|publisher| {
        let db = place.depot.clone();
        tokio::spawn(async move {
            for count in (publisher..STEADY).step_by(usize::try_from(PUBLISHERS).expect("a few")) {
                announce(&db, &counted(count, 1_000)).await;
            }
        })
    });
    for publisher in publishing.collect::<Vec<_>>() {
        publisher.await.expect("no publisher panics");
    }
    while heard(&place.ledger).await < before + STEADY {
        sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

/// A subscriber that comes back to a million events.
async fn backlog(engine: Engine, postgres: Option<&Postgres>) {
    let place = Place::on(engine, postgres, "backlog").await;
    for first in (0..BACKLOG).step_by(1_000) {
        let events: Vec<_> = (first..first + 1_000).map(|count| counted(count, 10_000)).collect();
        let mut cx = cx();
        let mut tx = place.depot.begin(&mut cx).await.expect("it begins");
        tx.publish_all(&events).await.expect("it runs");
        tx.commit_part().await.expect("it commits");
    }
    let before = resident();
    let _hearing = Hearing::start(&place, Subscription::copy("bench", Arc::new(Copy)));
    let (start, mut parts, mut listing, mut most) = (Instant::now(), Vec::new(), 0.0_f64, before);
    let mut last = start;
    for part in 1..=BACKLOG / PART {
        while position(&place).await < part * PART {
            sleep(Duration::from_millis(50)).await;
        }
        parts.push(format!("{:.0}", PART as f64 / last.elapsed().as_secs_f64()));
        last = Instant::now();
        most = most.max(resident());
        let look = Instant::now();
        let mut cx = cx();
        offshoot_outbox::outbox_status(&place.depot, &mut cx)
            .await
            .expect("a status");
        offshoot_outbox::status(&place.ledger, &mut cx).await.expect("a status");
        listing = listing.max(look.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "{:34} | {:.0} s | events/s by {PART}: {} | memory {before:.0} to {most:.0} MB | lag listed in {listing:.1} ms",
        format!("a backlog of {BACKLOG}, {engine}"),
        start.elapsed().as_secs_f64(),
        parts.join(" ")
    );
}

async fn position(place: &Place) -> i64 {
    let status = offshoot_outbox::status(&place.ledger, &mut cx())
        .await
        .expect("a status");
    status.iter().map(|partition| partition.position).min().unwrap_or(0)
}

/// Of this process, MB.
fn resident() -> f64 {
    memory::of(std::process::id(), "VmRSS").unwrap_or(0.0)
}
