//! Who may do what on Postgres: the runtime role changes rows of its own schema, and a login needs to be a member.

use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, OpenError, migrate, sql};
use sqlx::postgres::PgConnectOptions;

use crate::store::{DEPOT, Place, Store, THINGS, add, cx};

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
    migrate(&OTHER, &store.place.url, &DbOptions::default())
        .await
        .expect("a second module");
    Db::open(&OTHER, &store.place.url, &DbOptions::default())
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
        let connection = tx.postgres().expect("the module lives on Postgres");
        let denied = sqlx::query(forbidden).execute(connection).await.expect_err(forbidden);
        let code = denied
            .as_database_error()
            .and_then(|answer| answer.code())
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

/// A login without rights of its own, at the same place.
async fn login(place: &Place, name: &str, rights: &str) -> DatabaseUrl {
    place
        .administer(&format!("CREATE ROLE {name} LOGIN PASSWORD '{name}' {rights}"))
        .await;
    let options: PgConnectOptions = place.text.parse().expect("a URL");
    DatabaseUrl::Postgres(Box::new(options.username(name).password(name)))
}

/// Roles belong to the whole server, which may serve these tests again.
fn unique(name: &str) -> String {
    format!("{name}_{}", std::process::id())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_no_member_of_the_role_is_told_what_to_grant() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let name = unique("plain");
    let url = login(&store.place, &name, "").await;
    let error = Db::open(&DEPOT, &url, &DbOptions::default())
        .await
        .map(drop)
        .expect_err("not a member");
    assert!(matches!(error, OpenError::RoleRefused { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&format!("`GRANT depot TO {name}`")),
        "{error}"
    );
    store.place.administer(&format!("GRANT depot TO {name}")).await;
    change_rows(&Db::open(&DEPOT, &url, &DbOptions::default()).await.expect("a member")).await;
    store.place.administer(&format!("DROP ROLE {name}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_make_roles_and_schemas_can_migrate() {
    static MADE: ModuleSchema = ModuleSchema {
        module: "made_by_maker",
        migrations: &[THINGS],
        tables: "",
    };
    let Some(place) = Place::new(Engine::Postgres).await else {
        return;
    };
    let name = unique("maker");
    let url = login(&place, &name, "CREATEROLE").await;
    let error = migrate(&MADE, &url, &DbOptions::default())
        .await
        .expect_err("it may not make schemas");
    assert!(
        error
            .to_string()
            .contains("has no right to make schemas in this database (CREATE)"),
        "{error}"
    );
    place
        .administer(&format!(
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {name}', current_database()); END $$"
        ))
        .await;
    migrate(&MADE, &url, &DbOptions::default())
        .await
        .expect("it may make roles and schemas");
    change_rows(
        &Db::open(&MADE, &url, &DbOptions::default())
            .await
            .expect("a migrated schema"),
    )
    .await;
}
