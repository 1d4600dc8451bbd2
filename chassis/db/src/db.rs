//! The database of one module, opened: where its reads and writes begin.

use std::fmt;
use std::sync::Arc;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

use crate::connection::Connection;
use crate::migrate::{self, ModuleSchema};
use crate::pool::{Pool, Source, State};
use crate::postgres::{Login, PostgresServer, check_budget, look};
use crate::sqlite::{SqliteFile, open_file};
use crate::{DatabaseUrl, DbOptions, Engine, Isolation, OpenError, Queries, Read, Tx, idempotency, owner};

/// The random id that a store is given when its schema is made. Copies have the same.
pub type StoreId = Uuid;

/// The database of one module. Cheap to clone; all clones share the connections.
///
/// A handle asks for no other module's data, on Postgres because its role cannot.
#[derive(Clone)]
pub struct Db(Arc<Shared>);

struct Shared {
    schema: &'static ModuleSchema,
    engine: Engine,
    store_id: StoreId,
    writers: Arc<Pool>,
    readers: Arc<Pool>,
    options: DbOptions,
    isolation: Option<Isolation>,
    announced: watch::Sender<u64>,
}

impl Db {
    /// Opens the module's data.
    ///
    /// On SQLite the file and its directory are made if missing, and migrated. On Postgres nothing is migrated here: a
    /// schema that is missing or behind is an error that names the command.
    pub async fn open(
        schema: &'static ModuleSchema,
        url: &DatabaseUrl,
        options: &DbOptions,
    ) -> Result<Self, OpenError> {
        schema.check_name()?;
        match url {
            DatabaseUrl::Sqlite(directory) => {
                let file = SqliteFile::of_module(directory, schema.module);
                let mut first = open_file(directory, &file, options.migration_patience).await?;
                migrate::bring_up_to_date(schema, &mut first, &file.path, options).await?;
                let store_id = read_store_id(&mut first, schema.module).await?;
                let readers = Source::Sqlite(file.for_readers());
                let readers = Pool::new(schema.module, readers, options.sqlite_readers.max(1));
                let writers = Pool::with(schema.module, Source::Sqlite(file), 1, first);
                let pools = [writers, readers];
                Ok(Self::new(schema, Engine::Sqlite, store_id, pools, options, None))
            }
            DatabaseUrl::Postgres(login) => {
                let server = PostgresServer::new(login, schema.module, Login::Runtime);
                let connection = server.connect().await;
                let connection = connection.map_err(|cause| server.explain(url, cause))?;
                let mut first = Connection::Postgres(connection);
                let address = server.address();
                migrate::require_up_to_date(schema, &mut first, &address, url).await?;
                let mut isolation = None;
                if let Connection::Postgres(connection) = &mut first {
                    check_budget(connection, options.postgres, &address).await?;
                    isolation = Some(look(connection, schema.module, &address).await?);
                }
                if options.require_isolation {
                    require_isolation(schema.module, address, isolation.as_ref())?;
                }
                let store_id = read_store_id(&mut first, schema.module).await?;
                let size = options.postgres.per_module();
                let pool = Pool::with(schema.module, Source::Postgres(server), size, first);
                let pools = [Arc::clone(&pool), pool];
                Ok(Self::new(schema, Engine::Postgres, store_id, pools, options, isolation))
            }
        }
    }

    fn new(
        schema: &'static ModuleSchema,
        engine: Engine,
        store_id: StoreId,
        [writers, readers]: [Arc<Pool>; 2],
        options: &DbOptions,
        isolation: Option<Isolation>,
    ) -> Self {
        Self(Arc::new(Shared {
            schema,
            engine,
            store_id,
            writers,
            readers,
            options: options.clone(),
            isolation,
            announced: watch::Sender::new(0),
        }))
    }

    /// Begins a write. Checks in the same round trip that this database owns the module's data, and ends the call with
    /// the recorded answer if its idempotency key has been used.
    ///
    /// Waits in line for a connection until the call's deadline. Every failure is "not executed". One transaction per
    /// call is recorded under its key: a second one would find the first one's answer.
    pub async fn begin<'cx>(&self, cx: &'cx mut CallContext) -> Result<Tx<'cx>, CallFailure> {
        Tx::begin(self, cx).await
    }

    /// Takes a connection to read with.
    pub async fn read<'cx>(&self, cx: &'cx mut CallContext) -> Result<Read<'cx>, CallFailure> {
        let deadline = cx.deadline();
        let lease = self.0.readers.acquire(deadline).await?;
        Ok(Read::new(Queries::new(lease, self.module(), deadline, State::Unknown)))
    }

    /// The module whose data this is.
    #[must_use]
    pub fn module(&self) -> &'static str {
        self.0.schema.module
    }

    /// What the module declares about its data.
    #[must_use]
    pub fn schema(&self) -> &'static ModuleSchema {
        self.0.schema
    }

    /// Where the data lives.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.0.engine
    }

    /// Which store this is.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.0.store_id
    }

    /// What the login may do beside its work; none on SQLite, where the file is the module's own.
    #[must_use]
    pub fn isolation(&self) -> Option<&Isolation> {
        self.0.isolation.as_ref()
    }

    /// Whether the database answers.
    pub async fn ping(&self, cx: &mut CallContext) -> Result<(), CallFailure> {
        self.read(cx).await?.ping().await
    }

    /// Changes with each commit in this process that asked for it by [`Tx::wake_after_commit`].
    #[must_use]
    pub fn announcements(&self) -> watch::Receiver<u64> {
        self.0.announced.subscribe()
    }

    pub(crate) fn announce(&self) {
        self.0.announced.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What is now, by the application's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.options.clock.now()
    }

    /// Removes recorded answers that expired before `now`, in transactions of a thousand; answers how many.
    pub async fn delete_expired_records(&self, now: Timestamp) -> Result<u64, CallFailure> {
        let mut sum = 0;
        loop {
            let mut cx = CallContext::root("expiry");
            let mut tx = self.begin(&mut cx).await?;
            let removed = idempotency::remove_expired(&mut tx, now).await?;
            tx.commit(()).await?;
            sum += removed;
            if removed < idempotency::REMOVED_AT_ONCE.unsigned_abs() {
                return Ok(sum);
            }
        }
    }

    /// Lends no more connections, waits a few seconds for those in use, and closes them all.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writers.close().await;
    }

    pub(crate) fn writers(&self) -> &Arc<Pool> {
        &self.0.writers
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Db({} on {})", self.module(), self.engine())
    }
}

fn require_isolation(module: &'static str, address: String, found: Option<&Isolation>) -> Result<(), OpenError> {
    match found.filter(|found| !found.is_enforced()) {
        None => Ok(()),
        Some(found) => Err(OpenError::NotIsolated {
            module,
            address,
            login: found.login.clone(),
            breaches: found.breaches.join(", "),
        }),
    }
}

async fn read_store_id(connection: &mut Connection, module: &str) -> Result<StoreId, OpenError> {
    owner::store_id(connection).await.map_err(|cause| OpenError::Failed {
        what: format!("reading the store id of {module}"),
        cause,
    })
}
