//! A module that drives sagas: books trips with other modules.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Clock};
use offshoot_db::{Db, Tx, sql};
use offshoot_saga::{
    Definition, Execution, Halt, Plan, SagaModule, SagaSettings, Sagas, Stage, Step, StepContext, StepError, Transition,
};
use serde::{Deserialize, Serialize};

use crate::fixture::cx;
use crate::participants::Participants;

/// Time after which a booking that has not passed its pivot is undone.
pub(crate) const GIVE_UP_AFTER: Duration = Duration::from_secs(600);
/// Timeout of the step `bed`.
pub(crate) const STEP_TIMEOUT: Duration = Duration::from_millis(200);

/// Seat and bed; past the pivot ticket and bill.
pub(crate) const BOOKING: Definition<Trips> = Definition {
    kind: "booking",
    version: 1,
    give_up_after: Some(GIVE_UP_AFTER),
    plan: booking,
};

/// Another version of the booking, with one more step.
pub(crate) const BOOKING_2: Definition<Trips> = Definition {
    kind: "booking",
    version: 2,
    give_up_after: Some(GIVE_UP_AFTER),
    plan: booking_2,
};

/// Two parallel steps: car and guide.
pub(crate) const EXTRAS: Definition<Trips> = Definition {
    kind: "extras",
    version: 1,
    give_up_after: None,
    plan: extras,
};

/// One step without undo, past the pivot from the beginning.
pub(crate) const LETTER: Definition<Trips> = Definition {
    kind: "letter",
    version: 1,
    give_up_after: None,
    plan: letter,
};

pub(crate) fn definitions() -> Vec<Definition<Trips>> {
    vec![BOOKING, EXTRAS, LETTER]
}

fn step(name: &'static str) -> Step<Trips> {
    Step::new(name, |trips, cx, step| Box::pin(trips.call(cx, step)))
}

fn booking(_: &Trip) -> Plan<Trips> {
    let book = Stage::sequential([
        step("seat").undone_by("free-seat", |trips, cx, step| Box::pin(trips.call(cx, step))),
        step("bed")
            .with_timeout(STEP_TIMEOUT)
            .undone_by("free-bed", |trips, cx, step| Box::pin(trips.call(cx, step))),
    ])
    .on_passed("booked", |_, tx, trip, transition| {
        Box::pin(set_status(tx, trip, "booked", transition))
    });
    let pay = Stage::sequential([
        step("ticket").reversed_by(
            "take-back",
            |trips, cx, step| Box::pin(trips.call(cx, step)),
            "free-seat",
        ),
        step("bill"),
    ])
    .undo_if_refused();
    Plan::new([book])
        .after_pivot([pay])
        .on_undo(|_, tx, trip, reason, transition| Box::pin(write_undo(tx, trip, reason, transition)))
        .on_end(|_, tx, trip, transition| Box::pin(write_end(tx, trip, transition)))
}

fn booking_2(trip: &Trip) -> Plan<Trips> {
    assert!(!trip.id.is_empty());
    Plan::new([Stage::sequential([step("insurance"), step("seat"), step("bed")])])
        .on_end(|_, tx, trip, transition| Box::pin(write_end(tx, trip, transition)))
}

fn extras(_: &Trip) -> Plan<Trips> {
    let guided_tour = Stage::parallel([
        step("car").undone_by("no-car", |trips, cx, step| Box::pin(trips.call(cx, step))),
        step("guide").undone_by("no-guide", |trips, cx, step| Box::pin(trips.call(cx, step))),
    ]);
    Plan::new([guided_tour])
        .on_undo(|_, tx, trip, reason, transition| Box::pin(write_undo(tx, trip, reason, transition)))
        .on_end(|_, tx, trip, transition| Box::pin(write_end(tx, trip, transition)))
}

fn letter(_: &Trip) -> Plan<Trips> {
    Plan::new([]).after_pivot([Stage::sequential([step("post")])])
}

/// In-memory state of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trip {
    pub(crate) id: String,
    pub(crate) status: String,
    /// Number of commits in which the module wrote its own row.
    pub(crate) writes: i64,
    /// The part of the state that the log stores.
    pub(crate) wish: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredTrip {
    wish: String,
}

async fn set_status(tx: &mut Tx<'_>, trip: &mut Trip, status: &str, _: &Transition) -> Result<(), CallFailure> {
    trip.status = status.to_owned();
    trip.writes += 1;
    let sql = sql!("UPDATE trips SET status = $2, writes = writes + 1 WHERE id = $1");
    tx.execute(sql, (trip.id.as_str(), status)).await.map(drop)
}

async fn write_undo(
    tx: &mut Tx<'_>,
    trip: &mut Trip,
    reason: &str,
    transition: &Transition,
) -> Result<(), CallFailure> {
    set_status(
        tx,
        trip,
        &format!("given up: {reason}; {}", transition.open_steps.join(", ")),
        transition,
    )
    .await
}

async fn write_end(tx: &mut Tx<'_>, trip: &mut Trip, transition: &Transition) -> Result<(), CallFailure> {
    let status = format!("{}, ended", trip.status);
    set_status(tx, trip, &status, transition).await
}

/// The module in one process.
pub(crate) struct Trips {
    pub(crate) db: Db,
    pub(crate) sagas: Sagas<Trips>,
    participants: Arc<Participants>,
}

#[async_trait]
impl SagaModule for Trips {
    type State = Trip;
    type StoredState = StoredTrip;
    type Reason = String;
    type Answer = String;

    fn to_stored(trip: &Trip) -> StoredTrip {
        StoredTrip {
            wish: trip.wish.clone(),
        }
    }

    async fn load(&self, tx: &mut Tx<'_>, subject: &str, stored: StoredTrip) -> Result<Trip, CallFailure> {
        let sql = sql!("SELECT status, writes FROM trips WHERE id = $1");
        let (status, writes) = tx.fetch_one(sql, (subject,)).await?;
        Ok(Trip {
            id: subject.to_owned(),
            status,
            writes,
            wish: stored.wish,
        })
    }

    fn answer(trip: &Trip) -> String {
        trip.status.clone()
    }

    fn interrupted() -> String {
        "interrupted".to_owned()
    }
}

impl Trips {
    pub(crate) fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        settings: SagaSettings,
        definitions: Vec<Definition<Trips>>,
        participants: Arc<Participants>,
    ) -> Self {
        let sagas = Sagas::new(db.clone(), clock, settings, definitions);
        Self {
            db,
            sagas,
            participants,
        }
    }

    async fn call(&self, _: &mut CallContext, step: StepContext<'_, Trips>) -> Result<(), StepError<String>> {
        assert_eq!(step.state.wish, "by the window");
        let key = step.key();
        let step = key.rsplit('.').next().unwrap().to_owned();
        self.participants.call(&step, key).await
    }

    /// Inserts a trip with its saga.
    pub(crate) async fn begin(&self, definition: &Definition<Trips>, id: &str) -> Execution<Trips> {
        let mut cx = cx();
        let mut tx = self.db.begin(&mut cx).await.unwrap();
        let trip = Trip {
            id: id.to_owned(),
            status: "requested".to_owned(),
            writes: 0,
            wish: "by the window".to_owned(),
        };
        let sql = sql!("INSERT INTO trips (id, status, writes) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING");
        tx.execute(sql, (id, trip.status.as_str(), 0_i64)).await.unwrap();
        let begun = self.sagas.begin(&mut tx, definition, id, definition.kind, trip).await;
        let execution = begun.unwrap().expect("no saga about the trip is open");
        tx.commit_part().await.unwrap();
        execution
    }

    pub(crate) async fn run_to_end(&self, execution: &mut Execution<Trips>) -> Result<(), Halt> {
        self.sagas.run_to_end(self, &mut cx(), execution).await
    }

    /// Begins a saga and executes the saga to its end.
    pub(crate) async fn begin_and_run(&self, definition: &Definition<Trips>, id: &str) -> Result<(), Halt> {
        let mut execution = self.begin(definition, id).await;
        self.run_to_end(&mut execution).await
    }

    /// Resumes due sagas once. Returns the number of sagas that ended.
    pub(crate) async fn resume(&self) -> u64 {
        self.sagas.resume_due(self).await.unwrap()
    }

    pub(crate) async fn trip_status(&self, id: &str) -> String {
        let mut cx = cx();
        let mut read = self.db.read(&mut cx).await.unwrap();
        let sql = sql!("SELECT status FROM trips WHERE id = $1");
        let (status,) = read.fetch_one(sql, (id,)).await.unwrap();
        status
    }

    /// Status of a saga, and its steps with the state of each.
    pub(crate) async fn status_and_steps(&self, id: &str) -> (String, Vec<String>) {
        let mut cx = cx();
        let mut read = self.db.read(&mut cx).await.unwrap();
        let mut sagas = offshoot_saga::show(&mut read, id).await.unwrap();
        assert_eq!(sagas.len(), 1, "{sagas:?}");
        let (saga, steps) = sagas.remove(0);
        let steps = steps.into_iter().map(|step| format!("{} {}", step.step, step.state));
        (saga.state, steps.collect())
    }
}
