//! Roles and schema are made once, by a login that may; a second time changes nothing; and who may not is told what is
//! lacking.

use offshoot_db::{
    DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, OpenError, Password, ProvisionOptions, migrate, provision,
};
use sqlx::postgres::PgConnectOptions;

use crate::store::{Place, THINGS};

macro_rules! modules {
    ($($name:ident $text:literal),* $(,)?) => {
        $(static $name: ModuleSchema = ModuleSchema { module: $text, migrations: &[THINGS], tables: "" };)*
    };
}

// Roles belong to the server, which all tests share: each test has a name of its own.
modules!(LOCK "lock", WEIR "weir", DAM "dam", MOLE "mole", SLIP "slip", BERTH "berth", BASIN "basin", CRANE "crane", HATCH "hatch");

fn unique(name: &str) -> String {
    format!("{name}_{}", std::process::id())
}

fn as_login(place: &Place, name: &str) -> DatabaseUrl {
    let options: PgConnectOptions = place.text.parse().expect("a URL");
    DatabaseUrl::Postgres(Box::new(options.username(name).password(name)))
}

/// A login without rights of its own, at the same place.
async fn login(place: &Place, name: &str, rights: &str) -> DatabaseUrl {
    place
        .administer(&format!("CREATE ROLE {name} LOGIN PASSWORD '{name}' {rights}"))
        .await;
    as_login(place, name)
}

async fn make(module: &'static ModuleSchema, url: &DatabaseUrl, options: &ProvisionOptions) -> Vec<String> {
    let steps = provision(module, url, options, &DbOptions::default()).await;
    let steps = steps.unwrap_or_else(|error| panic!("{}: {error}", module.module));
    steps.into_iter().map(|step| step.what).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_time_changes_nothing_before_and_after_migrating() {
    let Some(place) = Place::new(Engine::Postgres).await else {
        return;
    };
    let migrator = unique("lock_keeper");
    login(&place, &migrator, "").await;
    let options = ProvisionOptions {
        logins: true,
        password: Password::new("first"),
        migrator: Some(migrator.clone()),
        own_database: true,
        ..ProvisionOptions::default()
    };
    let looked = ProvisionOptions {
        dry_run: true,
        ..options.clone()
    };
    let planned = make(&LOCK, &place.url, &looked).await;
    assert_eq!(
        planned,
        make(&LOCK, &place.url, &looked).await,
        "looking changes nothing"
    );
    assert_eq!(planned, make(&LOCK, &place.url, &options).await);
    assert!(
        planned.contains(&"set the password of `lock`".to_owned()),
        "{planned:?}"
    );
    assert_eq!(make(&LOCK, &place.url, &options).await, [""; 0]);
    migrate(&LOCK, &as_login(&place, &migrator), &DbOptions::default())
        .await
        .expect("who acts as the owner migrates");
    assert_eq!(make(&LOCK, &place.url, &options).await, [""; 0]);
    migrate(&LOCK, &as_login(&place, &migrator), &DbOptions::default())
        .await
        .expect("and again");
    let other = ProvisionOptions {
        password: Password::new("second"),
        ..options
    };
    assert_eq!(make(&LOCK, &place.url, &other).await, ["set the password of `lock`"]);
    place
        .administer(&format!("DROP OWNED BY {migrator}; DROP ROLE {migrator}"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_added_to_a_modules_rights_is_taken_back() {
    let Some(place) = Place::new(Engine::Postgres).await else {
        return;
    };
    make(&WEIR, &place.url, &ProvisionOptions::default()).await;
    migrate(&WEIR, &place.url, &DbOptions::default())
        .await
        .expect("a schema");
    for (planted, what) in [
        (
            "GRANT USAGE ON SCHEMA weir TO PUBLIC",
            "took the schema `weir` from PUBLIC",
        ),
        (
            "GRANT CREATE ON SCHEMA weir TO weir",
            "let `weir` use its schema, and make nothing there",
        ),
        (
            "GRANT TRUNCATE ON weir.things TO weir",
            "gave `weir` rows, sequences and functions of its schema, and nothing else there",
        ),
        (
            "GRANT DELETE ON weir.offshoot_migrations TO weir",
            "gave `weir` rows, sequences and functions of its schema, and nothing else there",
        ),
        (
            "GRANT EXECUTE ON FUNCTION weir.offshoot_begin TO PUBLIC",
            "gave `weir` rows, sequences and functions of its schema, and nothing else there",
        ),
        (
            "REVOKE UPDATE ON weir.parts FROM weir",
            "gave `weir` rows, sequences and functions of its schema, and nothing else there",
        ),
    ] {
        place.administer(planted).await;
        let done = make(&WEIR, &place.url, &ProvisionOptions::default()).await;
        assert_eq!(done, [what], "{planted}");
        assert_eq!(make(&WEIR, &place.url, &ProvisionOptions::default()).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_which_right_is_lacking() {
    let Some(place) = Place::new(Engine::Postgres).await else {
        return;
    };
    let name = unique("nobody");
    let url = login(&place, &name, "").await;
    let lacking = |error: OpenError, parts: [&str; 3]| {
        assert!(matches!(error, OpenError::LacksRight { .. }), "{error:?}");
        let text = error.to_string();
        for part in parts.into_iter().chain([name.as_str()]) {
            assert!(text.contains(part), "`{part}` is missing in: {text}");
        }
    };
    let refused = async || {
        let refused = provision(&DAM, &url, &ProvisionOptions::default(), &DbOptions::default()).await;
        refused.expect_err("it may not")
    };
    lacking(
        refused().await,
        ["dam", "CREATEROLE", &format!("ALTER ROLE \"{name}\" CREATEROLE")],
    );
    place.administer(&format!("ALTER ROLE {name} CREATEROLE")).await;
    lacking(refused().await, ["dam", "(CREATE)", "GRANT CREATE ON DATABASE"]);
    let migrated = migrate(&DAM, &url, &DbOptions::default()).await;
    lacking(
        migrated.expect_err("it may not"),
        ["dam", "(CREATE)", "offshoot db provision"],
    );
    let there: Vec<String> = make(
        &DAM,
        &place.url,
        &ProvisionOptions {
            dry_run: true,
            ..ProvisionOptions::default()
        },
    )
    .await;
    assert!(
        there.contains(&"made the role `dam`".to_owned()),
        "nothing was left half done: {there:?}"
    );
    place.administer(&format!("DROP ROLE {name}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_too_much_and_a_schema_of_somebody_else_are_refused() {
    let Some(place) = Place::new(Engine::Postgres).await else {
        return;
    };
    place
        .administer("CREATE ROLE mole CREATEROLE; CREATE SCHEMA slip")
        .await;
    let refused = async |module| {
        let refused = provision(module, &place.url, &ProvisionOptions::default(), &DbOptions::default()).await;
        refused.expect_err("the name means something else")
    };
    let error = refused(&MOLE).await;
    assert!(matches!(error, OpenError::MightyRole { .. }), "{error:?}");
    assert!(
        error.to_string().contains("`mole`") && error.to_string().contains("may create roles"),
        "{error}"
    );
    place
        .administer("ALTER ROLE mole NOCREATEROLE; GRANT pg_monitor TO mole")
        .await;
    let error = refused(&MOLE).await.to_string();
    assert!(error.contains("may act as pg_monitor"), "{error}");
    let error = refused(&SLIP).await;
    assert!(matches!(error, OpenError::ForeignSchema { .. }), "{error:?}");
    place.administer("DROP ROLE mole").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_of_one_server_can_be_provisioned_at_once() {
    let (Some(one), Some(two)) = (Place::new(Engine::Postgres).await, Place::new(Engine::Postgres).await) else {
        return;
    };
    let options = ProvisionOptions {
        logins: true,
        password: Password::new("shared"),
        ..ProvisionOptions::default()
    };
    let (first, second) = tokio::join!(make(&BERTH, &one.url, &options), make(&BERTH, &two.url, &options));
    assert!(!first.is_empty() && !second.is_empty());
    for place in [&one, &two] {
        assert_eq!(make(&BERTH, &place.url, &options).await, [""; 0]);
        migrate(&BERTH, &place.url, &DbOptions::default())
            .await
            .expect("a schema");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_make_roles_and_schemas_provisions_for_others() {
    let Some(place) = Place::new(Engine::Postgres).await else {
        return;
    };
    let (administrator, migrator) = (unique("harbour_master"), unique("basin_keeper"));
    let url = login(&place, &administrator, "CREATEROLE").await;
    login(&place, &migrator, "").await;
    place
        .administer(&format!(
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {administrator}', current_database()); END $$"
        ))
        .await;
    let options = ProvisionOptions {
        logins: true,
        migrator: Some(migrator.clone()),
        ..ProvisionOptions::default()
    };
    let done = make(&BASIN, &url, &options).await;
    assert!(
        done.contains(&format!("let `{migrator}` act as `basin_owner`")),
        "{done:?}"
    );
    assert_eq!(make(&BASIN, &url, &options).await, [""; 0]);
    migrate(&BASIN, &as_login(&place, &migrator), &DbOptions::default())
        .await
        .expect("it acts as the owner");
    let error = Db::open(&BASIN, &as_login(&place, &migrator), &DbOptions::default()).await;
    let error = error.map(drop).expect_err("it does not work with the data");
    assert!(matches!(error, OpenError::RoleRefused { .. }), "{error:?}");
    let db = Db::open(&BASIN, &as_login(&place, "basin"), &DbOptions::default())
        .await
        .expect("the module does");
    assert!(db.isolation().expect("it is on Postgres").is_enforced());
}

/// Has the tests' own server ask everybody but its superuser for a password, in this database.
async fn ask_for_passwords(place: &Place) {
    place
        .administer(
            "DO $$ DECLARE file text := current_setting('hba_file'); rules text := pg_read_file(file);
             BEGIN
                 EXECUTE format(
                     'COPY (SELECT unnest(string_to_array(%L, chr(10)))) TO %L',
                     format(E'local %1$s postgres trust\nlocal %1$s all scram-sha-256\n', current_database()) || rules, file);
                 PERFORM pg_reload_conf();
             END $$",
        )
        .await;
    // The server reads its rules again when it gets to it.
    let stranger = as_login(place, "nobody_of_this_name");
    for _ in 0..500 {
        let refused = Db::open(&HATCH, &stranger, &DbOptions::default()).await.map(drop);
        let cause = refused
            .as_ref()
            .err()
            .and_then(std::error::Error::source)
            .map(ToString::to_string);
        if cause.is_some_and(|cause| cause.contains("password authentication failed")) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the server asks for no password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_lets_its_module_in_and_is_seen_to_hold() {
    if crate::postgres::is_somebody_elses() {
        return;
    }
    let Some(place) = Place::new(Engine::Postgres).await else {
        return;
    };
    ask_for_passwords(&place).await;
    let administrator = unique("warden");
    let url = login(&place, &administrator, "CREATEROLE").await;
    place
        .administer(&format!(
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {administrator}', current_database()); END $$"
        ))
        .await;
    let options = ProvisionOptions {
        logins: true,
        password: Password::new("hatch"),
        ..ProvisionOptions::default()
    };
    assert!(!make(&HATCH, &url, &options).await.is_empty());
    assert_eq!(make(&HATCH, &url, &options).await, [""; 0], "who cannot look tries");
    assert_eq!(make(&HATCH, &place.url, &options).await, [""; 0], "who can looks");
    migrate(&HATCH, &place.url, &DbOptions::default())
        .await
        .expect("a schema");
    Db::open(&HATCH, &as_login(&place, "hatch"), &DbOptions::default())
        .await
        .expect("its password lets it in");
    let other = ProvisionOptions {
        password: Password::new("another"),
        ..options
    };
    assert_eq!(make(&HATCH, &url, &other).await, ["set the password of `hatch`"]);
    let refused = Db::open(&HATCH, &as_login(&place, "hatch"), &DbOptions::default()).await;
    let error = refused.map(drop).expect_err("the password is another one now");
    assert!(matches!(error, OpenError::NoConnection { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_need_no_provisioning() {
    let place = Place::new(Engine::Sqlite).await.expect("SQLite is always there");
    assert_eq!(make(&CRANE, &place.url, &ProvisionOptions::default()).await, [""; 0]);
    assert!(!place.directory().join("crane.db").exists());
}

#[test]
fn a_password_is_plain_and_never_shown() {
    for bad in ["", "tab\t", "pässword", "line\n"] {
        assert!(Password::new(bad).is_none(), "{bad:?}");
    }
    let password = Password::new("s3cret word").expect("plain");
    assert!(!format!("{password:?}").contains("s3cret"));
}
