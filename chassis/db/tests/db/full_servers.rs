//! Postgres servers without a free connection: a pool goes on with the connections that it has.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use offshoot_contract::{CallFailure, FailureKind};
use offshoot_db::{DatabaseUrl, Db, DbOptions, PgBudget, migrate, server_load, sql};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::sleep;

use crate::private_server::PrivateServer;
use crate::store::{TEST_SCHEMA, add, cx, new_id};

/// Connections of the server, three of them for superusers only.
const LIMIT: u32 = 13;
/// Time that every wait of these tests is far below.
const PATIENCE: Duration = Duration::from_secs(60);

fn options(connections: Option<u32>) -> DbOptions {
    DbOptions {
        postgres: PgBudget {
            connections,
            modules: 1,
        },
        ..DbOptions::default()
    }
}

/// A server, and the URL of a database on it with the test schema.
async fn small_server() -> Option<(PrivateServer, DatabaseUrl)> {
    let server = PrivateServer::start(LIMIT)?;
    let url: DatabaseUrl = server.url("postgres").parse().expect("a URL");
    migrate(&TEST_SCHEMA, &url, &DbOptions::default())
        .await
        .expect("a new schema");
    Some((server, url))
}

/// Connects until the server refuses.
async fn take_all_connections(server: &PrivateServer) -> Vec<PgConnection> {
    let mut strangers = Vec::new();
    while let Ok(stranger) = PgConnection::connect(&server.url("postgres")).await {
        strangers.push(stranger);
    }
    strangers
}

async fn add_one(db: &Db) -> Result<(), CallFailure> {
    // Names are unique.
    let name = new_id().to_string();
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await?;
    add(&mut tx, &name).await?;
    tx.commit(()).await
}

async fn add_many(db: &Db, count: usize) {
    let calls = (0..count).map(|_| async {
        let db = db.clone();
        tokio::spawn(async move { add_one(&db).await })
            .await
            .expect("no call panics")
    });
    let results = tokio::time::timeout(PATIENCE, join_all(calls)).await;
    for result in results.expect("the calls end") {
        result.expect("a committed transaction");
    }
}

async fn connections_of(server: &PrivateServer, module: &str) -> i64 {
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("a free connection");
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'offshoot ' || $1 || ' %'";
    let (count,): (i64,) = sqlx::query_as(count)
        .bind(module)
        .fetch_one(&mut connection)
        .await
        .expect("a count");
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_gets_no_further_connection_goes_on_with_its_own() {
    let Some((server, url)) = small_server().await else {
        return;
    };
    let db = Db::open(&TEST_SCHEMA, &url, &options(Some(8))).await.expect("a store");
    let strangers = take_all_connections(&server).await;
    // With one connection for all: none of the calls fails, and the check of readiness is not the last.
    add_many(&db, 64).await;
    db.ping(&mut cx()).await.expect("an answer");
    drop(strangers);
    let grown = async {
        loop {
            add_many(&db, 64).await;
            if connections_of(&server, "depot").await > 4 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, grown)
        .await
        .expect("the pool grows once the server has connections again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_any_connection_waits_within_the_deadline() {
    let Some((mut server, url)) = small_server().await else {
        return;
    };
    let db = Db::open(&TEST_SCHEMA, &url, &options(Some(8))).await.expect("a store");
    // The pool loses its connections, and strangers are faster.
    server.stop();
    server.start_again();
    let mut strangers = take_all_connections(&server).await;
    let mut short = offshoot_contract::CallContext::root("test").with_timeout(Duration::from_millis(200));
    let refused = db.begin(&mut short).await.map(drop).expect_err("no connection is left");
    assert!(matches!(refused.kind(), FailureKind::Overloaded { .. }), "{refused:?}");
    assert!(
        !refused.may_have_executed() && refused.to_string().contains("no connection left"),
        "{refused}"
    );
    let waiting = {
        let db = db.clone();
        tokio::spawn(async move { add_one(&db).await })
    };
    strangers.pop();
    let done = tokio::time::timeout(PATIENCE, waiting).await.expect("the call ends");
    done.expect("no panic").expect("a committed transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_limit_of_a_login_is_a_limit_of_the_pool() {
    let Some((server, _)) = small_server().await else {
        return;
    };
    let mut superuser = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("a connection");
    let login = "CREATE ROLE guest LOGIN CONNECTION LIMIT 2; GRANT depot TO guest";
    sqlx::raw_sql(AssertSqlSafe(login))
        .execute(&mut superuser)
        .await
        .expect("a login");
    let url = server.url_as("guest", "postgres").parse().expect("a URL");
    let db = Db::open(&TEST_SCHEMA, &url, &options(Some(8))).await.expect("a store");
    add_many(&db, 64).await;
    let mut cx = cx();
    let mut read = db.read(&mut cx).await.expect("a connection");
    let (count,): (i64,) = read
        .fetch_one(sql!("SELECT count(*) FROM things"), ())
        .await
        .expect("a count");
    assert_eq!(count, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_budget_is_what_the_server_has_without_ten_for_people() {
    let Some((server, url)) = small_server().await else {
        return;
    };
    let fixed = Db::open(&TEST_SCHEMA, &url, &options(Some(11))).await.map(drop);
    let error = fixed.expect_err("more than the server gives").to_string();
    assert!(
        error.contains("11 connections") && error.contains("allows 10"),
        "{error}"
    );
    let db = Db::open(&TEST_SCHEMA, &url, &options(None)).await.expect("a store");
    add_many(&db, 64).await;
    // The server ends the connections of the refused start on its own time.
    let give_up = Instant::now() + PATIENCE;
    while connections_of(&server, "depot").await > 2 {
        assert!(Instant::now() < give_up, "more than two connections stay");
        sleep(Duration::from_millis(20)).await;
    }
    let load = server_load("depot", &url)
        .await
        .expect("an answer")
        .expect("the load of Postgres");
    assert_eq!((load.limit, load.total()), (10, 2), "{load}");
}
