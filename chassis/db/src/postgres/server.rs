//! Connects to a module's schema on a Postgres server, under the role for the work.
//!
//! Behind PgBouncer only **session pooling** works: the role, the search path and prepared statements of a connection
//! last as long as its session. The deadline of a transaction is `SET LOCAL` and works with any pooling.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::open_error::OpenError;
use crate::postgres::login::PostgresLogin;

/// Statement timeout of reads: stops a read that no caller waits for. Transactions set their own, shorter timeout.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// Idle timeout of a transaction. A transaction makes no calls between its statements, so a longer pause means a stopped
/// process or a lost host, and other transactions wait for the transaction's locks.
const IDLE_LIMIT: &str = "15s";
/// Interval at which the server checks, during a statement, that the client is still connected.
const CLIENT_CHECK: &str = "1s";
/// Seconds without traffic after which the server asks whether the client's host still exists, seconds between two
/// questions, and unanswered questions after which the server closes the connection. Otherwise a host that vanished would
/// occupy its connections for hours.
const KEEPALIVE: [u32; 3] = [30, 10, 3];

/// SQLSTATE of a wrong password.
const WRONG_PASSWORD: &str = "28P01";

/// Address, login and module of the connections to a Postgres server.
#[derive(Clone)]
pub(crate) struct PostgresServer {
    login: Box<PostgresLogin>,
    module: &'static str,
    session_role: SessionRole,
    /// Name of the connections in the server's list of sessions.
    session_name: String,
}

/// The role that a connection acts as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionRole {
    /// `<module>`: rows only, no DDL, no other schema. Read-only outside a transaction of `Db::begin`.
    Runtime,
    /// The role of the login, for migrations and provisioning.
    Login,
}

impl PostgresServer {
    pub(crate) fn new(login: &PostgresLogin, module: &'static str, session_role: SessionRole) -> Self {
        Self {
            login: Box::new(login.clone()),
            module,
            session_role,
            session_name: format!("offshoot {module}"),
        }
    }

    /// The same server, with another name of the connections.
    pub(crate) fn with_session_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.session_name);
        self
    }

    /// `host:port/database`, for messages.
    pub(crate) fn address(&self) -> String {
        self.login.address()
    }

    /// `host:port`, for messages about all databases of the server.
    pub(crate) fn host(&self) -> String {
        self.login.host_and_port()
    }

    /// Whether the server accepts this password for the module's role, and rejects another one. False if the server
    /// asks for no password, because then every password is accepted.
    pub(crate) async fn accepts_only_password(&self, password: &str) -> bool {
        let log_in = async |password: &str| {
            let login = self.login.as_user(self.module, password);
            login.connect(&self.session_name).await?.close().await
        };
        let is_wrong = |error: sqlx::Error| {
            let code = error.as_database_error().and_then(|error| error.code());
            code.as_deref() == Some(WRONG_PASSWORD)
        };
        let other = format!("not {password}");
        log_in(password).await.is_ok() && log_in(&other).await.is_err_and(is_wrong)
    }

    /// Converts a connection error into an error that names the remedy.
    pub(crate) fn explain_connect_error(&self, cause: sqlx::Error) -> OpenError {
        let (module, address) = (self.module, self.address());
        let code = cause.as_database_error().and_then(|error| error.code());
        match code.as_deref() {
            // `SET ROLE` reports a role that does not exist as an invalid value.
            Some("22023" | "42704") => OpenError::NotMigrated {
                module,
                address,
                missing: format!("the role `{module}` does not exist"),
                url: self.login.url(),
            },
            Some("42501") => OpenError::RoleDenied {
                module,
                address,
                login: self.login.user().to_owned(),
                cause,
            },
            _ => OpenError::CannotConnect { module, address, cause },
        }
    }

    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.login.connect(&self.session_name).await?;
        if self.session_role == SessionRole::Runtime {
            // `pg_temp` comes last, or temporary tables would shadow the module's own.
            let name = quote_plain_name(self.module);
            let limit = READ_LIMIT.as_millis();
            let [idle, interval, count] = KEEPALIVE;
            let session = format!(
                "SET ROLE {name}; SET search_path TO {name}, pg_temp; SET default_transaction_read_only TO on; \
                 SET statement_timeout TO {limit}; SET client_connection_check_interval TO '{CLIENT_CHECK}'; \
                 SET idle_in_transaction_session_timeout TO '{IDLE_LIMIT}'; \
                 SET tcp_keepalives_idle TO {idle}; SET tcp_keepalives_interval TO {interval}; \
                 SET tcp_keepalives_count TO {count}; SELECT pg_is_in_recovery()"
            );
            let rows = sqlx::raw_sql(AssertSqlSafe(session)).fetch_all(&mut connection).await?;
            // After a failover the address may still lead to a standby, which takes no writes.
            if rows.last().map(|row| row.try_get(0)).transpose()?.unwrap_or(false) {
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the server is a standby").into());
            }
        }
        Ok(connection)
    }
}

/// Quotes a module or role name as an SQL identifier. These names need no escaping: `ModuleSchema` admits only letters,
/// digits and `_`.
pub(crate) fn quote_plain_name(name: &str) -> String {
    format!("\"{name}\"")
}
