//! Postgres keeps modules apart whose runtime roles log in by themselves, and says where one login serves them all.

use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, OpenError, Password, ProvisionOptions};
use offshoot_db::{isolation, migrate, provision};
use sqlx::postgres::PgConnectOptions;

use crate::intruder;
use crate::store::{Place, THINGS};

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

/// Two modules with logins of their own.
async fn harbour(modules: [&'static ModuleSchema; 2]) -> Option<Place> {
    let place = Place::new(Engine::Postgres).await?;
    let provisioning = ProvisionOptions {
        logins: true,
        password: Password::new(PASSWORD),
        own_database: true,
        ..ProvisionOptions::default()
    };
    for module in modules {
        provision(module, &place.url, &provisioning, &DbOptions::default())
            .await
            .expect("a superuser may");
        migrate(module, &place.url, &DbOptions::default())
            .await
            .expect("a schema");
    }
    Some(place)
}

fn own_login(place: &Place, module: &ModuleSchema) -> DatabaseUrl {
    let options: PgConnectOptions = place.text.parse().expect("a URL");
    DatabaseUrl::Postgres(Box::new(options.username(module.module).password(PASSWORD)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_logs_in_as_itself_reaches_nothing_but_its_rows() {
    let Some(place) = harbour([&QUAY, &PIER]).await else {
        return;
    };
    let found = intruder::breaches(&place.text, &["quay", "pier"], PASSWORD).await;
    assert!(found.is_empty(), "{found:#?}");
    for module in [&QUAY, &PIER] {
        let options = DbOptions {
            require_isolation: true,
            ..DbOptions::default()
        };
        let db = Db::open(module, &own_login(&place, module), &options)
            .await
            .expect("isolation is enforced");
        assert!(db.isolation().expect("it is on Postgres").is_enforced());
    }
}

/// Each of these is found by what tries, and those that let a module out of its schema by what looks, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_too_many_is_found() {
    for (planted, tried, seen) in [
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
        let Some(place) = harbour([&QUAY, &PIER]).await else {
            return;
        };
        place.administer(planted).await;
        let found = intruder::breaches(&place.text, &["quay", "pier"], PASSWORD).await;
        assert!(
            found.iter().any(|breach| breach.starts_with(tried)),
            "{planted}: {found:#?}"
        );
        let looked = isolation(&PIER, &own_login(&place, &PIER))
            .await
            .expect("it can be looked at")
            .expect("it is on Postgres");
        let seen: Vec<_> = seen.into_iter().collect();
        assert_eq!(looked.breaches, seen, "{planted}");
    }
}

/// Roles belong to the server, so these two are nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_become_another_is_found_and_not_provisioned_again() {
    let Some(place) = harbour([&WHARF, &JETTY]).await else {
        return;
    };
    place
        .administer("GRANT wharf TO jetty; GRANT jetty_owner TO jetty")
        .await;
    let found = intruder::breaches(&place.text, &["wharf", "jetty"], PASSWORD).await;
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
    let looked = isolation(&JETTY, &own_login(&place, &JETTY))
        .await
        .expect("it can be looked at")
        .expect("it is on Postgres");
    assert!(
        looked.breaches.contains(&"may act as jetty_owner, wharf".to_owned()),
        "{looked:?}"
    );
    let again = provision(&JETTY, &place.url, &ProvisionOptions::default(), &DbOptions::default()).await;
    let error = again.expect_err("a module's role acts as nobody else");
    assert!(matches!(error, OpenError::MightyRole { .. }), "{error:?}");
    place
        .administer("REVOKE wharf FROM jetty; REVOKE jetty_owner FROM jetty")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_serves_more_than_one_module_is_named_and_can_be_refused() {
    let Some(place) = harbour([&QUAY, &PIER]).await else {
        return;
    };
    let name = format!("shared_{}", std::process::id());
    place
        .administer(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'; GRANT quay, pier TO {name}; \
             DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO {name}', current_database()); END $$"
        ))
        .await;
    let options: PgConnectOptions = place.text.parse().expect("a URL");
    let shared = DatabaseUrl::Postgres(Box::new(options.username(&name).password(PASSWORD)));
    let db = Db::open(&QUAY, &shared, &DbOptions::default())
        .await
        .expect("good for development");
    let found = db.isolation().expect("it is on Postgres");
    assert_eq!(found.login, name);
    assert_eq!(found.breaches, ["may act as pier", "may use the schemas pier"]);
    let strict = DbOptions {
        require_isolation: true,
        ..DbOptions::default()
    };
    for (url, part) in [(&shared, "may act as pier"), (&place.url, "is a superuser")] {
        let error = Db::open(&QUAY, url, &strict).await.map(drop).expect_err("too mighty");
        assert!(matches!(error, OpenError::NotIsolated { .. }), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains("offshoot db provision --logins"), "{error}");
    }
    db.close().await;
    place
        .administer(&format!("DROP OWNED BY {name}; DROP ROLE {name}"))
        .await;
}
