//! Connecting to a module's schema on a Postgres server, under the role that the work needs.
//!
//! Behind PgBouncer only **session pooling** holds: a connection's role, search path and prepared statements live as
//! long as its session. The deadline of a transaction is `SET LOCAL` and would hold anywhere.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::{DatabaseUrl, OpenError};

/// Longest time the server spends on a read whose caller has gone away. Transactions have their own, shorter limit.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// How long a transaction may do nothing. Nothing but statements happens in one, so longer than this is a process that was
/// stopped, or a host that is gone, and others wait for what it has locked.
const IDLE_LIMIT: &str = "15s";
/// How often the server looks, during a statement, whether its client is still there.
const CLIENT_CHECK: &str = "1s";

/// What a server answers to a wrong password.
const WRONG_PASSWORD: &str = "28P01";

/// A server, the module's schema there, and who we are.
#[derive(Clone)]
pub(crate) struct PostgresServer {
    options: Box<PgConnectOptions>,
    module: &'static str,
    login: Login,
}

/// Under which role a connection works.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    /// `<module>`: rows only, no DDL, no other schema. Read-only outside a transaction of `Db::begin`.
    Runtime,
    /// The login's own role, for the migrator.
    Itself,
}

impl PostgresServer {
    pub(crate) fn new(options: &PgConnectOptions, module: &'static str, login: Login) -> Self {
        let options = options.clone().application_name(&format!("offshoot {module}"));
        Self {
            options: Box::new(options),
            module,
            login,
        }
    }

    /// `host:port/database`, for messages.
    pub(crate) fn address(&self) -> String {
        let database = self.options.get_database().unwrap_or(self.options.get_username());
        match self.options.get_socket() {
            Some(socket) => format!("{}:{}/{database}", socket.display(), self.options.get_port()),
            None => format!("{}:{}/{database}", self.options.get_host(), self.options.get_port()),
        }
    }

    /// Whether the server lets the module's role in with this password, and with no other. A server that asks for none
    /// cannot tell.
    pub(crate) async fn knows(&self, password: &str) -> bool {
        let lets_in = async |password: &str| {
            let options = self.options.as_ref().clone().username(self.module).password(password);
            let connection = PgConnection::connect_with(&options).await?;
            connection.close().await
        };
        let is_wrong = |error: sqlx::Error| {
            let code = error.as_database_error().and_then(|answer| answer.code());
            code.as_deref() == Some(WRONG_PASSWORD)
        };
        let other = format!("not {password}");
        lets_in(password).await.is_ok() && lets_in(&other).await.is_err_and(is_wrong)
    }

    /// Why the module's data cannot be used at this server.
    pub(crate) fn explain(&self, url: &DatabaseUrl, cause: sqlx::Error) -> OpenError {
        let (module, address) = (self.module, self.address());
        let code = cause.as_database_error().and_then(|answer| answer.code());
        match code.as_deref() {
            // There is no such role: `SET ROLE` says that its value is invalid.
            Some("22023" | "42704") => OpenError::NotMigrated {
                module,
                address,
                lacks: format!("there is no role `{module}`"),
                url: url.to_string(),
            },
            Some("42501") => OpenError::RoleRefused {
                module,
                address,
                login: self.options.get_username().to_owned(),
                cause,
            },
            _ => OpenError::NoConnection { module, address, cause },
        }
    }

    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        if self.login == Login::Runtime {
            // Temporary tables come last, or they would stand in for the module's own.
            let name = quoted(self.module);
            let limit = READ_LIMIT.as_millis();
            let session = format!(
                "SET ROLE {name}; SET search_path TO {name}, pg_temp; SET default_transaction_read_only TO on; \
                 SET statement_timeout TO {limit}; SET client_connection_check_interval TO '{CLIENT_CHECK}'; \
                 SET idle_in_transaction_session_timeout TO '{IDLE_LIMIT}'"
            );
            connection.execute(AssertSqlSafe(session)).await?;
        }
        Ok(connection)
    }
}

/// A name as an SQL identifier. Module names need no escaping: `ModuleSchema` admits only letters, digits and `_`.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
