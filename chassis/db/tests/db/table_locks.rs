//! A migration that waits for a table lets readers and writers pass, and names the session that it waits for.

use std::time::Duration;

use offshoot_db::{DbOptions, Engine, Migration, ModuleSchema, OpenError, migrate};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::store::{Store, THINGS};

static WIDER: ModuleSchema = ModuleSchema {
    module: "depot",
    migrations: &[
        THINGS,
        Migration {
            version: 2,
            name: "0002_colour",
            sqlite: "-- offshoot: expand\nALTER TABLE things ADD COLUMN colour text;",
            postgres: "-- offshoot: expand\nALTER TABLE things ADD COLUMN colour text;",
        },
    ],
    tables: "",
};

static INDEXED: ModuleSchema = ModuleSchema {
    module: "depot",
    migrations: &[
        THINGS,
        Migration {
            version: 2,
            name: "0002_by_quantity",
            sqlite: "-- offshoot: expand\nCREATE INDEX things_by_quantity ON things (quantity);",
            postgres: "-- offshoot: expand\n-- offshoot: without transaction\n\
                       DROP INDEX CONCURRENTLY IF EXISTS things_by_quantity;\n\
                       CREATE INDEX CONCURRENTLY things_by_quantity ON things (quantity);\n",
        },
    ],
    tables: "",
};

/// Number of times that others read and write while the migration waits.
const ROUNDS: usize = 3;

async fn connect(store: &Store, session: &str) -> PgConnection {
    let mut connection = PgConnection::connect(&store.database.superuser_url)
        .await
        .expect("the server answers");
    execute(&mut connection, &format!("SET search_path TO depot; {session}")).await;
    connection
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    let script = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    script
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Waits until a session waits for the lock of the table of things.
async fn wait_for_a_waiting_session(connection: &mut PgConnection) {
    loop {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'things'::regclass";
        let waiting: i64 = sqlx::query_scalar(waiting)
            .fetch_one(&mut *connection)
            .await
            .expect("the server answers");
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_writers_pass_a_migration_that_waits_for_a_reader() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let mut reader = connect(&store, "BEGIN; SELECT count(*) FROM things").await;
    let url = store.database.url.clone();
    let migration = tokio::spawn(async move { migrate(&WIDER, &url, &DbOptions::default()).await });
    // Longer than the migration may wait at a time, and far shorter than the reader holds the table.
    let mut others = connect(&store, "SET lock_timeout TO '5s'").await;
    for _ in 0..ROUNDS {
        wait_for_a_waiting_session(&mut others).await;
        execute(
            &mut others,
            "SELECT count(*) FROM things; UPDATE things SET quantity = quantity",
        )
        .await;
    }
    assert!(!migration.is_finished());
    execute(&mut reader, "COMMIT").await;
    let report = migration.await.unwrap().expect("the table is free");
    assert_eq!(report.applied.len(), 1);
    execute(&mut others, "SELECT colour FROM things").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_gets_no_lock_names_the_session_that_holds_it() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let mut reader = connect(
        &store,
        "SET application_name TO 'slow report'; BEGIN; SELECT count(*) FROM things",
    )
    .await;
    let id = sqlx::query("SELECT pg_backend_pid()")
        .fetch_one(&mut reader)
        .await
        .unwrap();
    let id: i32 = id.get(0);
    let impatient = DbOptions {
        migration_lock_timeout: Duration::from_secs(3),
        ..DbOptions::default()
    };
    let error = migrate(&WIDER, &store.database.url, &impatient).await.unwrap_err();
    assert!(
        matches!(&error, OpenError::MigrationBlocked { migration, .. } if migration == "depot 0002_colour"),
        "{error:?}"
    );
    let text = error.to_string();
    for part in [
        &format!("process {id} of `"),
        "`slow report`, idle in transaction",
        "within 3 s",
    ] {
        assert!(text.contains(part), "{text}");
    }
    // The schema is as before, and the next attempt succeeds.
    execute(&mut reader, "COMMIT").await;
    let report = migrate(&WIDER, &store.database.url, &impatient)
        .await
        .expect("the table is free");
    assert_eq!(report.applied.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_made_while_others_write_and_again_after_a_crash() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    // What an interrupted run left.
    store
        .database
        .administer(
            "CREATE INDEX things_by_quantity ON things (name); ALTER INDEX things_by_quantity OWNER TO depot_owner",
        )
        .await;
    let mut writer = connect(&store, "BEGIN; UPDATE things SET quantity = quantity").await;
    let url = store.database.url.clone();
    let migration = tokio::spawn(async move { migrate(&INDEXED, &url, &DbOptions::default()).await });
    let mut others = connect(&store, "SET lock_timeout TO '5s'").await;
    loop {
        // A concurrent index waits for transactions, not for the table.
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'virtualxid'";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut others).await.unwrap();
        if waiting > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    execute(&mut others, "UPDATE things SET quantity = quantity").await;
    execute(&mut writer, "COMMIT").await;
    let report = migration.await.unwrap().expect("an index");
    assert_eq!(report.applied.len(), 1);
    let valid = "SELECT indisvalid AND pg_get_indexdef(indexrelid) LIKE '%(quantity)' FROM pg_index \
                 WHERE indexrelid = 'things_by_quantity'::regclass";
    let valid: bool = sqlx::query_scalar(valid).fetch_one(&mut others).await.unwrap();
    assert!(valid);
    let report = migrate(&INDEXED, &store.database.url, &DbOptions::default())
        .await
        .expect("nothing to do");
    assert!(report.applied.is_empty());
}
