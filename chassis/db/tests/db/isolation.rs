//! Isolation on Postgres: modules with their own logins cannot reach each other's data, and a shared login is reported.

use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, OpenError, Password, ProvisionOptions};
use offshoot_db::{inspect_isolation, migrate, provision};

use crate::intruder;
use crate::store::{THINGS, TestDatabase};

static QUAY: ModuleSchema = ModuleSchema {
    module: "quay",
    migrations: &[THINGS],
    tables: "",
};
static PIER: ModuleSchema = ModuleSchema {
    module: "pier",
    migrations: &[THINGS],
    tables: "",
};
static WHARF: ModuleSchema = ModuleSchema {
    module: "wharf",
    migrations: &[THINGS],
    tables: "",
};
static JETTY: ModuleSchema = ModuleSchema {
    module: "jetty",
    migrations: &[THINGS],
    tables: "",
};
const PASSWORD: &str = "for the test";

/// A database with two migrated modules, each with its own login.
async fn provision_two_modules(modules: [&'static ModuleSchema; 2]) -> Option<TestDatabase> {
    let database = TestDatabase::new(Engine::Postgres).await?;
    let provisioning = ProvisionOptions {
        logins: true,
        password: Password::new(PASSWORD),
        own_database: true,
        ..ProvisionOptions::default()
    };
    for module in modules {
        provision(module, &database.url, &provisioning, &DbOptions::default())
            .await
            .expect("a provisioned module");
        migrate(module, &database.url, &DbOptions::default())
            .await
            .expect("a schema");
    }
    Some(database)
}

fn own_login(database: &TestDatabase, module: &ModuleSchema) -> DatabaseUrl {
    database.url_of(module.module, PASSWORD)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_with_its_own_login_reaches_only_its_own_rows() {
    let Some(database) = provision_two_modules([&QUAY, &PIER]).await else {
        return;
    };
    let found = intruder::find_breaches(&database.superuser_url, &["quay", "pier"], PASSWORD).await;
    assert!(found.is_empty(), "{found:#?}");
    for module in [&QUAY, &PIER] {
        let options = DbOptions {
            require_isolation: true,
            ..DbOptions::default()
        };
        let db = Db::open(module, &own_login(&database, module), &options)
            .await
            .expect("isolation is enforced");
        assert!(db.isolation().expect("Postgres has isolation").is_enforced());
    }
}

/// The intruder, which tries every attack, finds each planted privilege. `inspect_isolation` finds the privileges that
/// reach beyond the module's schema or permit changes of the schema.
#[tokio::test(flavor = "multi_thread")]
async fn an_excess_privilege_is_found() {
    for (planted, attack, inspected) in [
        (
            "GRANT USAGE ON SCHEMA quay TO pier; GRANT SELECT ON quay.things TO pier",
            "pier: SELECT * FROM quay.things: was not denied",
            Some("may use the schemas quay"),
        ),
        (
            "GRANT USAGE ON SCHEMA quay TO PUBLIC",
            "pier: SET LOCAL search_path TO quay; SELECT * FROM things: 42P01 was expected",
            Some("may use the schemas quay"),
        ),
        (
            "GRANT TRUNCATE ON pier.labels TO pier",
            "pier: TRUNCATE pier.labels: was not denied",
            None,
        ),
        (
            "GRANT UPDATE ON pier.offshoot_owner TO pier",
            "pier: UPDATE pier.offshoot_owner SET one = one: was not denied",
            None,
        ),
        (
            "GRANT CREATE ON SCHEMA pier TO pier",
            "pier: CREATE TABLE pier.intruder (id bigint): was not denied",
            Some("may change the module's own tables"),
        ),
    ] {
        let Some(database) = provision_two_modules([&QUAY, &PIER]).await else {
            return;
        };
        database.administer(planted).await;
        let found = intruder::find_breaches(&database.superuser_url, &["quay", "pier"], PASSWORD).await;
        assert!(
            found.iter().any(|breach| breach.starts_with(attack)),
            "{planted}: {found:#?}"
        );
        let isolation = inspect_isolation(&PIER, &own_login(&database, &PIER))
            .await
            .expect("the login can be inspected")
            .expect("Postgres has isolation");
        let inspected: Vec<_> = inspected.into_iter().collect();
        assert_eq!(isolation.breaches, inspected, "{planted}");
    }
}

/// Roles belong to the server, so no other test uses these two modules.
#[tokio::test(flavor = "multi_thread")]
async fn membership_in_another_role_is_found_and_blocks_provisioning() {
    let Some(database) = provision_two_modules([&WHARF, &JETTY]).await else {
        return;
    };
    database
        .administer("GRANT wharf TO jetty; GRANT jetty_owner TO jetty")
        .await;
    let found = intruder::find_breaches(&database.superuser_url, &["wharf", "jetty"], PASSWORD).await;
    for breach in [
        "jetty: SET ROLE wharf: was not denied",
        "jetty: SET ROLE jetty_owner: was not denied",
        "jetty: SELECT * FROM wharf.things: was not denied",
        "jetty: ALTER TABLE jetty.things DISABLE TRIGGER USER: was not denied",
        "jetty: DROP FUNCTION jetty.offshoot_begin(bytea, bigint): was not denied",
    ] {
        assert!(found.iter().any(|found| found == breach), "{breach}: {found:#?}");
    }
    assert!(!found.iter().any(|found| found.starts_with("wharf: ")), "{found:#?}");
    let isolation = inspect_isolation(&JETTY, &own_login(&database, &JETTY))
        .await
        .expect("the login can be inspected")
        .expect("Postgres has isolation");
    assert!(
        isolation.breaches.contains(&"may act as jetty_owner, wharf".to_owned()),
        "{isolation:?}"
    );
    let again = provision(
        &JETTY,
        &database.url,
        &ProvisionOptions::default(),
        &DbOptions::default(),
    )
    .await;
    let error = again.expect_err("a module's role must have no membership");
    assert!(matches!(error, OpenError::OverprivilegedRole { .. }), "{error:?}");
    database
        .administer("REVOKE wharf FROM jetty; REVOKE jetty_owner FROM jetty")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_shared_by_modules_is_reported_and_can_be_rejected() {
    let Some(database) = provision_two_modules([&QUAY, &PIER]).await else {
        return;
    };
    let name = format!("shared_{}", std::process::id());
    database
        .administer(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'; GRANT quay, pier TO {name}; \
             DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO {name}', current_database()); END $$"
        ))
        .await;
    let shared = database.url_of(&name, PASSWORD);
    let db = Db::open(&QUAY, &shared, &DbOptions::default())
        .await
        .expect("a shared login is accepted by default");
    let isolation = db.isolation().expect("Postgres has isolation");
    assert_eq!(isolation.login, name);
    assert_eq!(isolation.breaches, ["may act as pier", "may use the schemas pier"]);
    let strict = DbOptions {
        require_isolation: true,
        ..DbOptions::default()
    };
    for (url, part) in [(&shared, "may act as pier"), (&database.url, "is a superuser")] {
        let error = Db::open(&QUAY, url, &strict)
            .await
            .map(drop)
            .expect_err("the login has too many privileges");
        assert!(matches!(error, OpenError::NotIsolated { .. }), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains("offshoot db provision --logins"), "{error}");
    }
    db.close().await;
    database
        .administer(&format!("DROP OWNED BY {name}; DROP ROLE {name}"))
        .await;
}
