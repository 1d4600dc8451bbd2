//! Publishing: inserts an event into the module's log, in the transaction of the change.

use async_trait::async_trait;
use offshoot_contract::{CallFailure, EventSet};
use offshoot_db::{Tx, sql};

use crate::fault_injection::delay_commit;
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::source::bucket_of;

/// Extends a transaction with publishing: `tx.publish(event)`.
#[async_trait]
pub trait Publish {
    /// Publishes an event if the transaction commits.
    ///
    /// Publish after writing the row of the event's key: the lock on that row gives the events of a key the order of their
    /// transactions. Fails with `Internal` for an event of another module or a payload above [`MAX_PAYLOAD_BYTES`].
    async fn publish<E: EventSet>(&mut self, event: &E) -> Result<(), CallFailure>;

    /// Publishes any number of events in one statement, like [`publish`](Publish::publish).
    async fn publish_all<E: EventSet>(&mut self, events: &[E]) -> Result<(), CallFailure>;
}

#[async_trait]
impl Publish for Tx<'_> {
    async fn publish<E: EventSet>(&mut self, event: &E) -> Result<(), CallFailure> {
        let Row(name, version, key, bucket, lasting, payload) = row(self.db().module(), event)?;
        let at = self.db().now();
        self.execute(
            sql!(
                "INSERT INTO offshoot_events (name, version, key, bucket, lasting, payload, at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)"
            ),
            (name, version, key, bucket, lasting, payload, at),
        )
        .await?;
        self.wake_after_commit();
        delay_commit().await;
        Ok(())
    }

    async fn publish_all<E: EventSet>(&mut self, events: &[E]) -> Result<(), CallFailure> {
        if events.is_empty() {
            return Ok(());
        }
        let (module, at) = (self.db().module(), self.db().now());
        let rows = events.iter().map(|event| {
            let Row(name, version, key, bucket, lasting, payload) = row(module, event)?;
            Ok((name.to_owned(), version, key, bucket, lasting, payload, at))
        });
        let rows = rows.collect::<Result<Vec<_>, CallFailure>>()?;
        self.insert_many(
            sql!("INSERT INTO offshoot_events (name, version, key, bucket, lasting, payload, at) VALUES $rows"),
            rows,
        )
        .await?;
        self.wake_after_commit();
        delay_commit().await;
        Ok(())
    }
}

/// Row of `offshoot_events`: name, version, key, bucket, lasting, payload.
struct Row(&'static str, i32, String, i32, bool, String);

/// Encodes an event as a row. Fails for an event of another module or a payload above the limit.
fn row<E: EventSet>(module: &str, event: &E) -> Result<Row, CallFailure> {
    let spec = event.spec();
    let name = spec.name;
    if E::MODULE != module {
        let why = format!("{module} cannot publish `{name}`: it is an event of {}", E::MODULE);
        return Err(CallFailure::internal(why));
    }
    let payload = event
        .payload()
        .map_err(|error| CallFailure::internal(format!("serializing the event `{name}` failed")).caused_by(error))?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        let why = format!(
            "the payload of `{name}` has {} bytes, the limit is {MAX_PAYLOAD_BYTES}: publish less, and let subscribers fetch the rest",
            payload.len()
        );
        return Err(CallFailure::internal(why));
    }
    let key = event.key();
    let version = i32::try_from(spec.version).unwrap_or(i32::MAX);
    let bucket = bucket_of(&key);
    Ok(Row(name, version, key, bucket, spec.lasting, payload))
}
