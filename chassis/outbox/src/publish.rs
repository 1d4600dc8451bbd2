//! Announcing: an event becomes a row of the module's log in the transaction that did what it tells.

use async_trait::async_trait;
use offshoot_contract::{CallFailure, EventSet};
use offshoot_db::{Tx, sql};

use crate::disturbed::linger;
use crate::source::bucket_of;

/// Largest payload, bytes: an event says what happened, and larger things are asked for. Some hundred bytes for each of a
/// thousand lines have room.
pub const MAX_PAYLOAD_BYTES: usize = 512 << 10;

/// `tx.publish(event)`.
#[async_trait]
pub trait Publish {
    /// Announces that this happened, if the transaction commits.
    ///
    /// Announce after the row of the event's key was written: the order of that key's events is the order in which writers
    /// held the row. Fails with `Internal` for an event of another module or a payload above [`MAX_PAYLOAD_BYTES`].
    async fn publish<E: EventSet>(&mut self, event: &E) -> Result<(), CallFailure>;

    /// The same for any number of events, in one statement.
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
        linger().await;
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
        linger().await;
        Ok(())
    }
}

/// Name, version, key, bucket, lasting, payload.
struct Row(&'static str, i32, String, i32, bool, String);

fn row<E: EventSet>(module: &str, event: &E) -> Result<Row, CallFailure> {
    let spec = event.spec();
    let name = spec.name;
    if E::MODULE != module {
        let why = format!("{module} announces `{name}`, which is an event of {}", E::MODULE);
        return Err(CallFailure::internal(why));
    }
    let payload = event
        .payload()
        .map_err(|error| CallFailure::internal(format!("the event `{name}` does not serialize")).caused_by(error))?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        let why = format!(
            "the event `{name}` has {} bytes, at most {MAX_PAYLOAD_BYTES} are announced: tell what happened, and let the rest be asked for",
            payload.len()
        );
        return Err(CallFailure::internal(why));
    }
    let key = event.key();
    let version = i32::try_from(spec.version).unwrap_or(i32::MAX);
    let bucket = bucket_of(&key);
    Ok(Row(name, version, key, bucket, spec.lasting, payload))
}
