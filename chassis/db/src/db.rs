//! Open database of one module: the entry point for reads and transactions.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, CallFailure, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::migrate::{self, ModuleSchema};
use crate::open_error::OpenError;
use crate::options::DbOptions;
use crate::ownership::{self, StoreId};
use crate::pool::{ConnectionSource, ConnectionState, Lane, Pool, PooledConnection};
use crate::pool_use::PoolUse;
use crate::postgres::{Isolation, PostgresServer, SessionRole, connect_within, inspect_login, session_name};
use crate::queries::Queries;
use crate::read::Read;
use crate::restoring::{require_restored_file, require_restored_schema};
use crate::server_load::ServerLoad;
use crate::share;
use crate::sqlite::{SqliteFile, open_or_create};
use crate::statement::Engine;
use crate::url::DatabaseUrl;

/// The database of one module. Cheap to clone; all clones share the connections.
///
/// On Postgres the runtime role has no access to other modules' data.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    lane: Lane,
}

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
                require_restored_file(directory, schema.module)?;
                let file_connection = open_or_create(directory, &file, options.migration_lock_timeout).await?;
                let mut first = Connection::Sqlite(file_connection);
                require_restored_file(directory, schema.module)?;
                migrate::migrate_file(schema, &mut first, &file.path, options).await?;
                let store_id = read_store_id(&mut first, schema.module).await?;
                let readers = ConnectionSource::Sqlite(file.for_readers());
                let readers = Pool::new(schema.module, readers, options.sqlite_readers.max(1) + 1);
                let writers = Pool::with_connection(schema.module, ConnectionSource::Sqlite(file), 1, first);
                let pools = [writers, readers];
                Ok(Self::new(schema, Engine::Sqlite, store_id, pools, options, None))
            }
            DatabaseUrl::Postgres(login) => {
                let (budget, is_fixed) = (options.postgres, options.postgres.connections.is_some());
                let name = session_name(schema.module, budget.per_module(), is_fixed);
                let server = PostgresServer::new(login, schema.module, SessionRole::Runtime).with_session_name(&name);
                let connection = connect_within(&server, options.server_patience).await;
                let mut connection = connection.map_err(|cause| server.explain_connect_error(cause))?;
                let address = server.address();
                require_restored_schema(&mut connection, schema.module, &address).await?;
                let mut first = Connection::Postgres(connection);
                migrate::require_up_to_date(schema, &mut first, &address, url).await?;
                let mut isolation = None;
                if let Connection::Postgres(connection) = &mut first {
                    isolation = Some(inspect_login(connection, schema.module, &address).await?);
                }
                if options.require_isolation {
                    require_isolation(schema.module, address, isolation.as_ref())?;
                }
                let store_id = read_store_id(&mut first, schema.module).await?;
                let size = share::join(&mut first, schema.module, budget, &server.host()).await?;
                let source = ConnectionSource::Postgres(server);
                let pool = Pool::with_connection(schema.module, source, size, first);
                if !is_fixed {
                    tokio::spawn(share::follow(Arc::downgrade(&pool), schema.module));
                }
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
        let shared = Arc::new(Shared {
            schema,
            engine,
            store_id,
            writers,
            readers,
            options: options.clone(),
            isolation,
            commits: watch::Sender::new(0),
        });
        let lane = Lane::Calls;
        Self { shared, lane }
    }

    /// Takes a connection for reads.
    pub fn read<'a, 'cx: 'a>(&'a self, cx: &'cx mut CallContext) -> BoxFuture<'a, Result<Read<'cx>, CallFailure>> {
        let deadline = cx.deadline();
        Box::pin(async move {
            let pooled = self.shared.readers.acquire(self.lane, deadline).await?;
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
        self.shared.schema.module
    }

    /// The module's declaration of its data.
    #[must_use]
    pub fn schema(&self) -> &'static ModuleSchema {
        self.shared.schema
    }

    /// The engine that stores the data.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.shared.engine
    }

    /// Id of this store.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.shared.store_id
    }

    /// Isolation of the login, as inspected when the database was opened; none on SQLite.
    #[must_use]
    pub fn isolation(&self) -> Option<&Isolation> {
        self.shared.isolation.as_ref()
    }

    /// The same database for upkeep: short work that must not wait behind calls, such as heartbeats and leases. Upkeep
    /// has a connection of its own on Postgres, and waits only for the transaction that runs on SQLite.
    #[must_use]
    pub fn upkeep(&self) -> Self {
        Self {
            lane: Lane::Upkeep,
            ..self.clone()
        }
    }

    /// Connections of the Postgres server and of all processes on it. `None` on SQLite, and if the server does not answer.
    pub async fn server_load(&self) -> Option<ServerLoad> {
        share::read(&self.shared.writers).await
    }

    /// Asks the database for a response, ahead of calls that wait. Fails if none arrives by the call's deadline.
    pub async fn ping(&self, cx: &mut CallContext) -> Result<(), CallFailure> {
        self.upkeep().read(cx).await?.ping().await
    }

    /// Use of the connection pools at this moment.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolUse> {
        match self.engine() {
            Engine::Postgres => vec![self.shared.writers.usage("postgres")],
            Engine::Sqlite => vec![
                self.shared.writers.usage("writer"),
                self.shared.readers.usage("readers"),
            ],
        }
    }

    /// A counter that changes after each commit in this process that called
    /// [`Tx::wake_after_commit`](crate::Tx::wake_after_commit).
    #[must_use]
    pub fn commit_notifications(&self) -> watch::Receiver<u64> {
        self.shared.commits.subscribe()
    }

    pub(crate) fn notify_commit(&self) {
        self.shared.commits.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The current time of the application's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.options.clock.now()
    }

    /// Stops handing out connections, waits a few seconds for those in use, and closes all connections.
    pub async fn close(&self) {
        self.shared.readers.close().await;
        self.shared.writers.close().await;
    }

    /// Waits for a connection for a transaction.
    pub(crate) async fn acquire_writer(&self, deadline: Instant) -> Result<PooledConnection, CallFailure> {
        self.shared.writers.acquire(self.lane, deadline).await
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
