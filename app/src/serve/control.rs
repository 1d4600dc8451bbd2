//! The control database of strangler migrations: where the settings place it, and how a process opens it.
//!
//! Knows files, schemas and connections. Knows no verb and no route.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use offshoot_contract::error_chain;
use offshoot_db::{DatabaseUrl, Db, DbOptions, ModuleSchema, OpenError, PgBudget};
use offshoot_strangler::store::SCHEMA;
use offshoot_strangler::{ControlDatabase, Migration, saved_records};

use crate::config::{Isolation, Settings};

/// Schema of the control database.
pub static CONTROL: ModuleSchema = SCHEMA;
/// Postgres connections to the control database: one for requests, and one for heartbeats and leases.
const CONNECTIONS: u32 = 2;
/// File of the last known records, in the data directory.
const RECORDS: &str = "migrations.json";

/// File of the last known records of all migrations, for a start without the control database.
#[must_use]
pub fn records_file(settings: &Settings) -> PathBuf {
    settings.data_dir.join(RECORDS)
}

/// The last known records of all migrations, by module. Empty before the first migration.
pub fn remembered_records(settings: &Settings) -> anyhow::Result<BTreeMap<String, Migration>> {
    let path = records_file(settings);
    saved_records(&path).with_context(|| {
        format!(
            "{} does not contain the records of migrations: remove the file, and the control database decides",
            path.display()
        )
    })
}

/// Location of the control database: a schema on the server of all modules, or a file in the data directory.
pub fn control_url(settings: &Settings) -> anyhow::Result<DatabaseUrl> {
    settings.database_url(CONTROL.module).context("the control database")
}

/// File of the control database. `None` on Postgres.
#[must_use]
pub fn control_file(url: &DatabaseUrl) -> Option<PathBuf> {
    match url {
        DatabaseUrl::Sqlite(directory) => Some(directory.join(format!("{}.db", CONTROL.module))),
        DatabaseUrl::Postgres(_) => None,
    }
}

/// Whether a command that changes schemas must know the control database: always on Postgres, where no process makes a schema;
/// on SQLite only once a migration was started.
pub fn is_known_to_commands(url: &DatabaseUrl) -> bool {
    control_file(url).is_none_or(|file| file.exists())
}

/// Opens the control database of a process.
pub(super) struct Control {
    url: DatabaseUrl,
    options: DbOptions,
    records: PathBuf,
}

impl Control {
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            url: control_url(settings)?,
            options: options(settings),
            records: records_file(settings),
        })
    }

    async fn open_or_none(&self, create: bool) -> Result<Option<Db>, String> {
        if !create && !is_known_to_commands(&self.url) {
            return Ok(None);
        }
        let error = match Db::open(&CONTROL, &self.url, &self.options).await {
            Ok(db) => return Ok(Some(db)),
            Err(error) => error,
        };
        if !is_missing(&error) {
            return Err(error_chain(&error));
        }
        missing_schema(create, &self.url, &self.records, &error)
    }
}

impl ControlDatabase for Control {
    fn open(&self, create: bool) -> BoxFuture<'_, Result<Option<Db>, String>> {
        Box::pin(self.open_or_none(create))
    }
}

/// Options of the connections: few, because the control database is asked a few times a second.
pub fn options(settings: &Settings) -> DbOptions {
    DbOptions {
        postgres: PgBudget {
            connections: Some(CONNECTIONS),
            modules: 1,
        },
        require_isolation: settings.postgres.isolation == Isolation::Require,
        ..DbOptions::default()
    }
}

/// Whether the schema, the role or the login of the control database does not exist. A server refuses a login that does not
/// exist as one with a wrong password.
pub fn is_missing(error: &OpenError) -> bool {
    match error {
        OpenError::NotMigrated { .. } => true,
        OpenError::CannotConnect { cause, .. } => {
            let code = cause.as_database_error().and_then(|error| error.code());
            code.is_some_and(|code| code.starts_with("28"))
        }
        _ => false,
    }
}

/// The outcome of opening a control database that does not exist on Postgres. A store that never moved a module runs without
/// one; a store with records had one.
fn missing_schema(create: bool, url: &DatabaseUrl, records: &Path, error: &OpenError) -> Result<Option<Db>, String> {
    let why = error_chain(error);
    if create {
        return Err(format!(
            "the control database at {url} does not exist: run `offshoot db migrate` with a login that may create the schema \
             `control`, and `offshoot db provision --logins` before that if each module has a login of its own ({why})"
        ));
    }
    if records.exists() {
        return Err(format!(
            "the control database at {url} does not answer, although {} has records of migrations: restore the schema \
             `control` and its login ({why})",
            records.display()
        ));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use offshoot_strangler::ControlDatabase as _;

    use super::*;
    use crate::config::{Flags, load_from};

    fn settings(flags: &[(&str, &str)]) -> Settings {
        let mut given = Flags::default();
        for (key, value) in flags {
            given.set("a flag", *key, *value);
        }
        load_from(None, [], &given).expect("valid").settings
    }

    #[test]
    fn the_schema_takes_the_place_of_a_module_in_the_url() {
        let shared = settings(&[("database", "postgres://{module}@db.internal/store?sslmode=verify-full")]);
        let url = control_url(&shared).expect("valid").to_string();
        assert!(url.starts_with("postgres://control@db.internal"), "{url}");
        let own = settings(&[("modules.catalog.database", "postgres://localhost/catalog")]);
        let url = control_url(&own).expect("valid");
        assert!(control_file(&url).is_some_and(|file| file.ends_with("data/control.db")));
    }

    #[tokio::test]
    async fn a_file_is_made_only_when_a_migration_starts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = settings(&[("data_dir", &folder.path().to_string_lossy())]);
        let control = Control::new(&settings).expect("valid");
        let file = folder.path().join("control.db");
        assert!(control.open(false).await.expect("no error").is_none() && !file.exists());
        let db = control.open(true).await.expect("no error").expect("a database");
        db.close().await;
        assert!(file.exists() && control.open(false).await.expect("no error").is_some());
    }

    #[test]
    fn a_missing_schema_names_the_command_that_makes_it() {
        let url: DatabaseUrl = "postgres://localhost/store".parse().expect("valid");
        let missing = OpenError::NotMigrated {
            module: "control",
            address: "localhost:5432/store".to_owned(),
            missing: "the role `control` does not exist".to_owned(),
            url: "postgres://localhost/store".to_owned(),
        };
        assert!(is_missing(&missing));
        let nowhere = Path::new("/nowhere/migrations.json");
        assert!(
            missing_schema(false, &url, nowhere, &missing)
                .expect("no error")
                .is_none()
        );
        let error = missing_schema(true, &url, nowhere, &missing).expect_err("refused");
        assert!(
            error.starts_with("the control database at postgres://")
                && error.contains("does not exist: run `offshoot db migrate` with a login that may create the schema"),
            "{error}"
        );
    }
}
