//! Open database of one module: the entry point for reads and transactions.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, CallFailure, Timestamp};
use tokio::sync::watch;

use crate::connection::Connection;
use crate::migrate::{self, ModuleSchema};
use crate::open_error::OpenError;
use crate::options::DbOptions;
use crate::ownership::{self, StoreId};
use crate::pool::{ConnectionSource, ConnectionState, Pool};
use crate::postgres::{Isolation, PostgresServer, SessionRole, check_budget, connect_within, inspect_login};
use crate::queries::Queries;
use crate::read::Read;
use crate::sqlite::{SqliteFile, open_or_create};
use crate::statement::Engine;
use crate::url::DatabaseUrl;

/// The database of one module. Cheap to clone; all clones share the connections.
///
/// On Postgres the runtime role has no access to other modules' data.
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
    commits: watch::Sender<u64>,
}

impl Db {
    /// Opens the module's database.
    ///
    /// On SQLite a missing file or directory is created, and the file is migrated. On Postgres nothing is migrated: a
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
                let file_connection = open_or_create(directory, &file, options.migration_lock_timeout).await?;
                let mut first = Connection::Sqlite(file_connection);
                migrate::migrate_file(schema, &mut first, &file.path, options).await?;
                let store_id = read_store_id(&mut first, schema.module).await?;
                let readers = ConnectionSource::Sqlite(file.for_readers());
                let readers = Pool::new(schema.module, readers, options.sqlite_readers.max(1));
                let writers = Pool::with_connection(schema.module, ConnectionSource::Sqlite(file), 1, first);
                let pools = [writers, readers];
                Ok(Self::new(schema, Engine::Sqlite, store_id, pools, options, None))
            }
            DatabaseUrl::Postgres(login) => {
                let server = PostgresServer::new(login, schema.module, SessionRole::Runtime);
                let connection = connect_within(&server, options.server_patience).await;
                let connection = connection.map_err(|cause| server.explain_connect_error(url, cause))?;
                let mut first = Connection::Postgres(connection);
                let address = server.address();
                migrate::require_up_to_date(schema, &mut first, &address, url).await?;
                let mut isolation = None;
                if let Connection::Postgres(connection) = &mut first {
                    check_budget(connection, options.postgres, &address).await?;
                    isolation = Some(inspect_login(connection, schema.module, &address).await?);
                }
                if options.require_isolation {
                    require_isolation(schema.module, address, isolation.as_ref())?;
                }
                let store_id = read_store_id(&mut first, schema.module).await?;
                let size = options.postgres.per_module();
                let pool = Pool::with_connection(schema.module, ConnectionSource::Postgres(server), size, first);
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
            commits: watch::Sender::new(0),
        }))
    }

    /// Takes a connection for reads.
    pub fn read<'a, 'cx: 'a>(&'a self, cx: &'cx mut CallContext) -> BoxFuture<'a, Result<Read<'cx>, CallFailure>> {
        let deadline = cx.deadline();
        Box::pin(async move {
            let pooled = self.0.readers.acquire(deadline).await?;
            Ok(Read::new(Queries::new(
                pooled,
                self.module(),
                deadline,
                ConnectionState::Unknown,
            )))
        })
    }

    /// Name of the module.
    #[must_use]
    pub fn module(&self) -> &'static str {
        self.0.schema.module
    }

    /// The module's declaration of its data.
    #[must_use]
    pub fn schema(&self) -> &'static ModuleSchema {
        self.0.schema
    }

    /// The engine that stores the data.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.0.engine
    }

    /// Id of this store.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.0.store_id
    }

    /// Isolation of the login, as inspected when the database was opened; none on SQLite.
    #[must_use]
    pub fn isolation(&self) -> Option<&Isolation> {
        self.0.isolation.as_ref()
    }

    /// Asks the database for a response. Fails if none arrives by the call's deadline.
    pub async fn ping(&self, cx: &mut CallContext) -> Result<(), CallFailure> {
        self.read(cx).await?.ping().await
    }

    /// A counter that changes after each commit in this process that called
    /// [`Tx::wake_after_commit`](crate::Tx::wake_after_commit).
    #[must_use]
    pub fn commit_notifications(&self) -> watch::Receiver<u64> {
        self.0.commits.subscribe()
    }

    pub(crate) fn notify_commit(&self) {
        self.0.commits.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The current time of the application's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.options.clock.now()
    }

    /// Stops handing out connections, waits a few seconds for those in use, and closes all connections.
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

fn require_isolation(module: &'static str, address: String, isolation: Option<&Isolation>) -> Result<(), OpenError> {
    match isolation.filter(|isolation| !isolation.is_enforced()) {
        None => Ok(()),
        Some(isolation) => Err(OpenError::NotIsolated {
            module,
            address,
            login: isolation.login.clone(),
            breaches: isolation.breaches.join(", "),
        }),
    }
}

async fn read_store_id(connection: &mut Connection, module: &str) -> Result<StoreId, OpenError> {
    ownership::read_store_id(connection)
        .await
        .map_err(|cause| OpenError::Failed {
            operation: format!("reading the store id of {module}"),
            cause,
        })
}
