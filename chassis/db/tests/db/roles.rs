//! Postgres roles: the runtime role changes only rows of its own schema, and a login needs membership in the role.

use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, OpenError, migrate, sql};

use crate::store::{Store, TEST_SCHEMA, THINGS, TestDatabase, add, cx};

static OTHER: ModuleSchema = ModuleSchema {
    module: "other",
    migrations: &[],
    tables: "",
};

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_role_changes_rows_only_and_reaches_no_other_schema() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    migrate(&OTHER, &store.database.url, &DbOptions::default())
        .await
        .expect("a second module");
    Db::open(&OTHER, &store.database.url, &DbOptions::default())
        .await
        .expect("a second module");
    for forbidden in [
        "CREATE TABLE mine (id bigint)",
        "CREATE TABLE public.mine (id bigint)",
        "ALTER TABLE things ADD COLUMN more text",
        "DROP TABLE parts",
        "TRUNCATE parts",
        "CREATE INDEX more ON things (good)",
        "SELECT * FROM other.offshoot_owner",
        "UPDATE offshoot_owner SET role = 'open'",
        "DELETE FROM offshoot_migrations",
    ] {
        let mut cx = cx();
        let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
        let connection = tx.postgres().expect("the engine is Postgres");
        let denied = sqlx::query(forbidden).execute(connection).await.expect_err(forbidden);
        let code = denied
            .as_database_error()
            .and_then(|error| error.code())
            .map(String::from);
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}: {denied}");
    }
    change_rows(&store.db).await;
}

async fn change_rows(db: &Db) {
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    assert_eq!(tx.execute(sql!("DELETE FROM things"), ()).await, Ok(1));
    tx.commit(()).await.expect("a commit");
}

/// Creates a login with the given attributes on the same server.
async fn create_login(database: &TestDatabase, name: &str, rights: &str) -> DatabaseUrl {
    database
        .administer(&format!("CREATE ROLE {name} LOGIN PASSWORD '{name}' {rights}"))
        .await;
    database.url_of(name, name)
}

/// Makes a role name unique: roles belong to the server, which may serve several runs of these tests.
fn unique(name: &str) -> String {
    format!("{name}_{}", std::process::id())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_for_a_login_without_membership_names_the_grant() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let name = unique("plain");
    let url = create_login(&store.database, &name, "").await;
    let error = Db::open(&TEST_SCHEMA, &url, &DbOptions::default())
        .await
        .map(drop)
        .expect_err("the login lacks membership");
    assert!(matches!(error, OpenError::RoleDenied { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&format!("`GRANT depot TO {name}`")),
        "{error}"
    );
    store.database.administer(&format!("GRANT depot TO {name}")).await;
    change_rows(
        &Db::open(&TEST_SCHEMA, &url, &DbOptions::default())
            .await
            .expect("a login with membership"),
    )
    .await;
    store.database.administer(&format!("DROP ROLE {name}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_create_roles_and_schemas_can_migrate() {
    static NEW_MODULE: ModuleSchema = ModuleSchema {
        module: "made_by_maker",
        migrations: &[THINGS],
        tables: "",
    };
    let Some(database) = TestDatabase::new(Engine::Postgres).await else {
        return;
    };
    let name = unique("maker");
    let url = create_login(&database, &name, "CREATEROLE").await;
    let error = migrate(&NEW_MODULE, &url, &DbOptions::default())
        .await
        .expect_err("the login may not create schemas");
    assert!(
        error
            .to_string()
            .contains("has no right to create schemas in this database (CREATE)"),
        "{error}"
    );
    database
        .administer(&format!(
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {name}', current_database()); END $$"
        ))
        .await;
    migrate(&NEW_MODULE, &url, &DbOptions::default())
        .await
        .expect("the login may create roles and schemas");
    change_rows(
        &Db::open(&NEW_MODULE, &url, &DbOptions::default())
            .await
            .expect("a migrated schema"),
    )
    .await;
}
