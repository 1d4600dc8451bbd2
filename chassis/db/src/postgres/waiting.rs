//! Waits, at a start, for a Postgres server that is restarting. Any other error is reported at once.

use std::io::ErrorKind;
use std::time::Duration;

use offshoot_contract::Backoff;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep};

use crate::postgres::server::PostgresServer;

/// Pauses between attempts to connect to a server that is restarting.
const RESTART_RETRY: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));

/// Connects. Waits at most `patience` for a server that is not there yet, is starting, or is shutting down.
pub(crate) async fn connect_within(server: &PostgresServer, patience: Duration) -> Result<PgConnection, sqlx::Error> {
    let give_up_at = Instant::now() + patience;
    let mut backoff = RESTART_RETRY;
    let mut is_reported = false;
    loop {
        let error = match server.connect().await {
            Err(error) if is_restarting(&error) => error,
            result => return result,
        };
        let pause = backoff.next_scattered_pause();
        if Instant::now() + pause > give_up_at {
            return Err(error);
        }
        if !is_reported {
            let (address, seconds) = (server.address(), patience.as_secs());
            tracing::warn!(
                address,
                seconds,
                error = error.to_string(),
                "Postgres is not available yet: waiting for it"
            );
            is_reported = true;
        }
        sleep(pause).await;
    }
}

/// Whether the server is expected to answer soon: nothing listens, the socket of a stopped server is missing, or the
/// server itself says that it starts or stops.
fn is_restarting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::BrokenPipe
                | ErrorKind::NotFound
                | ErrorKind::UnexpectedEof
        ),
        sqlx::Error::Database(error) => {
            let code = error.code();
            // Administrator shutdown, crash, cannot connect now.
            code.is_some_and(|code| matches!(code.as_ref(), "57P01" | "57P02" | "57P03"))
        }
        _ => false,
    }
}
