//! Provisioning creates roles and schema once, changes nothing when repeated, and names the remedy for a missing
//! privilege.

use offshoot_db::{
    DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, OpenError, Password, ProvisionOptions, migrate, provision,
};

use crate::store::{THINGS, TestDatabase};

macro_rules! modules {
    ($($name:ident $text:literal),* $(,)?) => {
        $(static $name: ModuleSchema = ModuleSchema { module: $text, migrations: &[THINGS], tables: "" };)*
    };
}

// Roles belong to the server, which all tests share, so each test uses a module of its own.
modules!(LOCK "lock", WEIR "weir", DAM "dam", MOLE "mole", SLIP "slip", BERTH "berth", BASIN "basin", CRANE "crane", HATCH "hatch");

fn unique(name: &str) -> String {
    format!("{name}_{}", std::process::id())
}

fn as_login(database: &TestDatabase, name: &str) -> DatabaseUrl {
    database.url_of(name, name)
}

/// Creates a login with the given attributes on the same server.
async fn create_login(database: &TestDatabase, name: &str, rights: &str) -> DatabaseUrl {
    database
        .administer(&format!("CREATE ROLE {name} LOGIN PASSWORD '{name}' {rights}"))
        .await;
    as_login(database, name)
}

async fn provision_module(module: &'static ModuleSchema, url: &DatabaseUrl, options: &ProvisionOptions) -> Vec<String> {
    let steps = provision(module, url, options, &DbOptions::default()).await;
    let steps = steps.unwrap_or_else(|error| panic!("{}: {error}", module.module));
    steps.into_iter().map(|step| step.description).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_again_changes_nothing_before_and_after_migrating() {
    let Some(database) = TestDatabase::new(Engine::Postgres).await else {
        return;
    };
    let migrator = unique("lock_keeper");
    create_login(&database, &migrator, "").await;
    let options = ProvisionOptions {
        logins: true,
        password: Password::new("first"),
        migrator: Some(migrator.clone()),
        own_database: true,
        ..ProvisionOptions::default()
    };
    let dry_run = ProvisionOptions {
        dry_run: true,
        ..options.clone()
    };
    let planned = provision_module(&LOCK, &database.url, &dry_run).await;
    assert_eq!(
        planned,
        provision_module(&LOCK, &database.url, &dry_run).await,
        "a dry run changes nothing"
    );
    assert_eq!(planned, provision_module(&LOCK, &database.url, &options).await);
    assert!(
        planned.contains(&"set the password of `lock`".to_owned()),
        "{planned:?}"
    );
    assert_eq!(provision_module(&LOCK, &database.url, &options).await, [""; 0]);
    migrate(&LOCK, &as_login(&database, &migrator), &DbOptions::default())
        .await
        .expect("the migrator may act as the owner");
    assert_eq!(provision_module(&LOCK, &database.url, &options).await, [""; 0]);
    migrate(&LOCK, &as_login(&database, &migrator), &DbOptions::default())
        .await
        .expect("a second migration");
    let other = ProvisionOptions {
        password: Password::new("second"),
        ..options
    };
    assert_eq!(
        provision_module(&LOCK, &database.url, &other).await,
        ["set the password of `lock`"]
    );
    database
        .administer(&format!("DROP OWNED BY {migrator}; DROP ROLE {migrator}"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_revokes_excess_privileges() {
    let Some(database) = TestDatabase::new(Engine::Postgres).await else {
        return;
    };
    provision_module(&WEIR, &database.url, &ProvisionOptions::default()).await;
    migrate(&WEIR, &database.url, &DbOptions::default())
        .await
        .expect("a schema");
    for (planted, description) in [
        (
            "GRANT USAGE ON SCHEMA weir TO PUBLIC",
            "revoked all rights on the schema `weir` from PUBLIC",
        ),
        (
            "GRANT CREATE ON SCHEMA weir TO weir",
            "allowed `weir` to use its schema, and to create nothing there",
        ),
        (
            "GRANT TRUNCATE ON weir.things TO weir",
            "granted `weir` rows, sequences and functions of its schema, and nothing else there",
        ),
        (
            "GRANT DELETE ON weir.offshoot_migrations TO weir",
            "granted `weir` rows, sequences and functions of its schema, and nothing else there",
        ),
        (
            "GRANT EXECUTE ON FUNCTION weir.offshoot_begin TO PUBLIC",
            "granted `weir` rows, sequences and functions of its schema, and nothing else there",
        ),
        (
            "REVOKE UPDATE ON weir.parts FROM weir",
            "granted `weir` rows, sequences and functions of its schema, and nothing else there",
        ),
    ] {
        database.administer(planted).await;
        let done = provision_module(&WEIR, &database.url, &ProvisionOptions::default()).await;
        assert_eq!(done, [description], "{planted}");
        assert_eq!(
            provision_module(&WEIR, &database.url, &ProvisionOptions::default()).await,
            [""; 0]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_for_a_missing_privilege_names_the_remedy() {
    let Some(database) = TestDatabase::new(Engine::Postgres).await else {
        return;
    };
    let name = unique("nobody");
    let url = create_login(&database, &name, "").await;
    let assert_names_remedy = |error: OpenError, parts: [&str; 3]| {
        assert!(matches!(error, OpenError::MissingPrivilege { .. }), "{error:?}");
        let text = error.to_string();
        for part in parts.into_iter().chain([name.as_str()]) {
            assert!(text.contains(part), "`{part}` is missing in: {text}");
        }
    };
    let refused = async || {
        let refused = provision(&DAM, &url, &ProvisionOptions::default(), &DbOptions::default()).await;
        refused.expect_err("the login lacks a privilege")
    };
    assert_names_remedy(
        refused().await,
        ["dam", "CREATEROLE", &format!("ALTER ROLE \"{name}\" CREATEROLE")],
    );
    database.administer(&format!("ALTER ROLE {name} CREATEROLE")).await;
    assert_names_remedy(refused().await, ["dam", "(CREATE)", "GRANT CREATE ON DATABASE"]);
    let migrated = migrate(&DAM, &url, &DbOptions::default()).await;
    assert_names_remedy(
        migrated.expect_err("the login lacks a privilege"),
        ["dam", "(CREATE)", "offshoot db provision"],
    );
    let missing: Vec<String> = provision_module(
        &DAM,
        &database.url,
        &ProvisionOptions {
            dry_run: true,
            ..ProvisionOptions::default()
        },
    )
    .await;
    assert!(
        missing.contains(&"created the role `dam`".to_owned()),
        "a failed run must leave no role behind: {missing:?}"
    );
    database.administer(&format!("DROP ROLE {name}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overprivileged_role_and_a_schema_of_another_owner_are_rejected() {
    let Some(database) = TestDatabase::new(Engine::Postgres).await else {
        return;
    };
    database
        .administer("CREATE ROLE mole CREATEROLE; CREATE SCHEMA slip")
        .await;
    let refused = async |module| {
        let refused = provision(
            module,
            &database.url,
            &ProvisionOptions::default(),
            &DbOptions::default(),
        )
        .await;
        refused.expect_err("the name is taken")
    };
    let error = refused(&MOLE).await;
    assert!(matches!(error, OpenError::OverprivilegedRole { .. }), "{error:?}");
    assert!(
        error.to_string().contains("`mole`") && error.to_string().contains("may create roles"),
        "{error}"
    );
    database
        .administer("ALTER ROLE mole NOCREATEROLE; GRANT pg_monitor TO mole")
        .await;
    let error = refused(&MOLE).await.to_string();
    assert!(error.contains("may act as pg_monitor"), "{error}");
    let error = refused(&SLIP).await;
    assert!(matches!(error, OpenError::ForeignSchema { .. }), "{error:?}");
    database.administer("DROP ROLE mole").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_of_one_server_can_be_provisioned_concurrently() {
    let (Some(one), Some(two)) = (
        TestDatabase::new(Engine::Postgres).await,
        TestDatabase::new(Engine::Postgres).await,
    ) else {
        return;
    };
    let options = ProvisionOptions {
        logins: true,
        password: Password::new("shared"),
        ..ProvisionOptions::default()
    };
    let (first, second) = tokio::join!(
        provision_module(&BERTH, &one.url, &options),
        provision_module(&BERTH, &two.url, &options)
    );
    assert!(!first.is_empty() && !second.is_empty());
    for database in [&one, &two] {
        assert_eq!(provision_module(&BERTH, &database.url, &options).await, [""; 0]);
        migrate(&BERTH, &database.url, &DbOptions::default())
            .await
            .expect("a schema");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_create_roles_and_schemas_can_provision_for_others() {
    let Some(database) = TestDatabase::new(Engine::Postgres).await else {
        return;
    };
    let (administrator, migrator) = (unique("harbour_master"), unique("basin_keeper"));
    let url = create_login(&database, &administrator, "CREATEROLE").await;
    create_login(&database, &migrator, "").await;
    database
        .administer(&format!(
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {administrator}', current_database()); END $$"
        ))
        .await;
    let options = ProvisionOptions {
        logins: true,
        migrator: Some(migrator.clone()),
        ..ProvisionOptions::default()
    };
    let done = provision_module(&BASIN, &url, &options).await;
    assert!(
        done.contains(&format!("allowed `{migrator}` to act as `basin_owner`")),
        "{done:?}"
    );
    assert_eq!(provision_module(&BASIN, &url, &options).await, [""; 0]);
    migrate(&BASIN, &as_login(&database, &migrator), &DbOptions::default())
        .await
        .expect("the migrator may act as the owner");
    let error = Db::open(&BASIN, &as_login(&database, &migrator), &DbOptions::default()).await;
    let error = error.map(drop).expect_err("the migrator lacks the runtime role");
    assert!(matches!(error, OpenError::RoleDenied { .. }), "{error:?}");
    let db = Db::open(&BASIN, &as_login(&database, "basin"), &DbOptions::default())
        .await
        .expect("the module's own login");
    assert!(db.isolation().expect("Postgres has isolation").is_enforced());
}

/// Configures the tests' own server to require a password in this database from every login but the superuser.
async fn require_passwords(database: &TestDatabase) {
    database
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
    // The server reloads its rules asynchronously.
    let stranger = as_login(database, "nobody_of_this_name");
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
    panic!("the server does not require a password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provisioned_password_works_and_is_not_set_twice() {
    if crate::postgres::is_external() {
        return;
    }
    let Some(database) = TestDatabase::new(Engine::Postgres).await else {
        return;
    };
    require_passwords(&database).await;
    let administrator = unique("warden");
    let url = create_login(&database, &administrator, "CREATEROLE").await;
    database
        .administer(&format!(
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {administrator}', current_database()); END $$"
        ))
        .await;
    let options = ProvisionOptions {
        logins: true,
        password: Password::new("hatch"),
        ..ProvisionOptions::default()
    };
    assert!(!provision_module(&HATCH, &url, &options).await.is_empty());
    assert_eq!(
        provision_module(&HATCH, &url, &options).await,
        [""; 0],
        "a login without access to the verifier tests the password"
    );
    assert_eq!(
        provision_module(&HATCH, &database.url, &options).await,
        [""; 0],
        "a superuser reads the verifier"
    );
    migrate(&HATCH, &database.url, &DbOptions::default())
        .await
        .expect("a schema");
    Db::open(&HATCH, &as_login(&database, "hatch"), &DbOptions::default())
        .await
        .expect("the password is accepted");
    let other = ProvisionOptions {
        password: Password::new("another"),
        ..options
    };
    assert_eq!(
        provision_module(&HATCH, &url, &other).await,
        ["set the password of `hatch`"]
    );
    let refused = Db::open(&HATCH, &as_login(&database, "hatch"), &DbOptions::default()).await;
    let error = refused.map(drop).expect_err("the password was changed");
    assert!(matches!(error, OpenError::CannotConnect { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_needs_no_provisioning() {
    let database = TestDatabase::new(Engine::Sqlite).await.expect("SQLite is always there");
    assert_eq!(
        provision_module(&CRANE, &database.url, &ProvisionOptions::default()).await,
        [""; 0]
    );
    assert!(!database.directory().join("crane.db").exists());
}

#[test]
fn a_password_is_printable_ascii_and_never_shown() {
    for bad in ["", "tab\t", "pässword", "line\n"] {
        assert!(Password::new(bad).is_none(), "{bad:?}");
    }
    let password = Password::new("s3cret word").expect("a valid password");
    assert!(!format!("{password:?}").contains("s3cret"));
}
