//! A module that books trips elsewhere, by sagas.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Clock};
use offshoot_db::{Db, Tx, sql};
use offshoot_saga::{Definition, Entry, Execution, Halt, Owner, Plan, SagaSettings, Sagas, Setback, Step, Turn};
use serde::{Deserialize, Serialize};

use crate::store::cx;
use crate::world::World;

/// How long a booking may take to be decided.
pub(crate) const UNDECIDED: Duration = Duration::from_secs(600);
/// How long the slow step may take.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);

/// Seats first, then a bed; once both are there, a ticket and the bill.
pub(crate) const BOOKING: Definition<Trips> = Definition {
    kind: "booking",
    version: 1,
    within: Some(UNDECIDED),
    plan: booking,
};

/// The same with one step more.
pub(crate) const BOOKING_2: Definition<Trips> = Definition {
    kind: "booking",
    version: 2,
    within: Some(UNDECIDED),
    plan: booking_2,
};

/// A car and a guide, neither of which needs the other.
pub(crate) const EXTRAS: Definition<Trips> = Definition {
    kind: "extras",
    version: 1,
    within: None,
    plan: extras,
};

/// A letter that has to be sent.
pub(crate) const LETTER: Definition<Trips> = Definition {
    kind: "letter",
    version: 1,
    within: None,
    plan: letter,
};

#[expect(non_snake_case, reason = "a list of constants")]
pub(crate) fn ALL() -> Vec<Definition<Trips>> {
    vec![BOOKING, EXTRAS, LETTER]
}

fn named(name: &'static str) -> Step<Trips> {
    Step::new(name, |trips, cx, turn| Box::pin(trips.call(cx, turn)))
}

fn booking(_: &Trip) -> Plan<Trips> {
    Plan::new()
        .in_turn([
            named("seat").undone_by("free-seat", |trips, cx, turn| Box::pin(trips.call(cx, turn))),
            named("bed")
                .within(PATIENCE)
                .undone_by("free-bed", |trips, cx, turn| Box::pin(trips.call(cx, turn))),
        ])
        .then("booked", |_, tx, trip, entry| {
            Box::pin(noted(tx, trip, "booked", entry))
        })
        .no_way_back()
        .in_turn([
            named("ticket").reversed_by(
                "take-back",
                |trips, cx, turn| Box::pin(trips.call(cx, turn)),
                "free-seat",
            ),
            named("bill"),
        ])
        .or_undo()
        .undoing(|_, tx, trip, why, entry| Box::pin(given_up(tx, trip, why, entry)))
        .ended(|_, tx, trip, entry| Box::pin(ended(tx, trip, entry)))
}

fn booking_2(trip: &Trip) -> Plan<Trips> {
    let insured = Plan::new().in_turn([named("insurance"), named("seat"), named("bed")]);
    assert!(!trip.id.is_empty());
    insured.ended(|_, tx, trip, entry| Box::pin(ended(tx, trip, entry)))
}

fn extras(_: &Trip) -> Plan<Trips> {
    Plan::new()
        .together([
            named("car").undone_by("no-car", |trips, cx, turn| Box::pin(trips.call(cx, turn))),
            named("guide").undone_by("no-guide", |trips, cx, turn| Box::pin(trips.call(cx, turn))),
        ])
        .undoing(|_, tx, trip, why, entry| Box::pin(given_up(tx, trip, why, entry)))
        .ended(|_, tx, trip, entry| Box::pin(ended(tx, trip, entry)))
}

fn letter(_: &Trip) -> Plan<Trips> {
    Plan::new().no_way_back().in_turn([named("post")])
}

/// What an execution has at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trip {
    pub(crate) id: String,
    pub(crate) status: String,
    /// How often the module noted something.
    pub(crate) notes: i64,
    /// Kept in the log.
    pub(crate) wish: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    wish: String,
}

async fn noted(tx: &mut Tx<'_>, trip: &mut Trip, status: &str, _: &Entry) -> Result<(), CallFailure> {
    trip.status = status.to_owned();
    trip.notes += 1;
    let sql = sql!("UPDATE trips SET status = $2, notes = notes + 1 WHERE id = $1");
    tx.execute(sql, (trip.id.as_str(), status)).await.map(drop)
}

async fn given_up(tx: &mut Tx<'_>, trip: &mut Trip, why: &str, entry: &Entry) -> Result<(), CallFailure> {
    noted(tx, trip, &format!("given up: {why}; {}", entry.open.join(", ")), entry).await
}

async fn ended(tx: &mut Tx<'_>, trip: &mut Trip, entry: &Entry) -> Result<(), CallFailure> {
    let status = format!("{}, ended", trip.status);
    noted(tx, trip, &status, entry).await
}

/// A process's part of the module.
pub(crate) struct Trips {
    pub(crate) db: Db,
    pub(crate) sagas: Sagas<Trips>,
    world: Arc<World>,
}

#[async_trait]
impl Owner for Trips {
    type Work = Trip;
    type Data = Kept;
    type Reason = String;
    type Answer = String;

    fn data(trip: &Trip) -> Kept {
        Kept {
            wish: trip.wish.clone(),
        }
    }

    async fn load(&self, tx: &mut Tx<'_>, subject: &str, data: Kept) -> Result<Trip, CallFailure> {
        let sql = sql!("SELECT status, notes FROM trips WHERE id = $1");
        let (status, notes) = tx.fetch_one(sql, (subject,)).await?;
        Ok(Trip {
            id: subject.to_owned(),
            status,
            notes,
            wish: data.wish,
        })
    }

    fn answer(trip: &Trip) -> &String {
        &trip.status
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
        world: Arc<World>,
    ) -> Self {
        let sagas = Sagas::new(db.clone(), clock, settings, definitions);
        Self { db, sagas, world }
    }

    async fn call(&self, _: &mut CallContext, turn: Turn<'_, Trips>) -> Result<(), Setback<String>> {
        assert_eq!(turn.work.wish, "by the window");
        let key = turn.key();
        let step = key.rsplit('.').next().unwrap().to_owned();
        self.world.call(&step, key).await
    }

    /// Writes a trip down with its saga.
    pub(crate) async fn begin(&self, definition: &Definition<Trips>, id: &str) -> Execution<Trips> {
        let mut cx = cx();
        let mut tx = self.db.begin(&mut cx).await.unwrap();
        let trip = Trip {
            id: id.to_owned(),
            status: "asked for".to_owned(),
            notes: 0,
            wish: "by the window".to_owned(),
        };
        let sql = sql!("INSERT INTO trips (id, status, notes) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING");
        tx.execute(sql, (id, trip.status.as_str(), 0_i64)).await.unwrap();
        let begun = self.sagas.begin(&mut tx, definition, id, definition.kind, trip).await;
        let run = begun.unwrap().expect("nothing is under way");
        tx.commit_part().await.unwrap();
        run
    }

    pub(crate) async fn run(&self, run: &mut Execution<Trips>) -> Result<(), Halt> {
        self.sagas.run(self, &mut cx(), run).await
    }

    /// Begins and carries out.
    pub(crate) async fn all(&self, definition: &Definition<Trips>, id: &str) -> Result<(), Halt> {
        let mut run = self.begin(definition, id).await;
        self.run(&mut run).await
    }

    /// Looks once for what was broken off.
    pub(crate) async fn resume(&self) -> u64 {
        self.sagas.resume_due(self).await.unwrap()
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        let mut cx = cx();
        let mut read = self.db.read(&mut cx).await.unwrap();
        let sql = sql!("SELECT status FROM trips WHERE id = $1");
        let (status,) = read.fetch_one(sql, (id,)).await.unwrap();
        status
    }

    /// State of a saga, with its steps and how each stands.
    pub(crate) async fn shown(&self, id: &str) -> (String, Vec<String>) {
        let mut cx = cx();
        let mut read = self.db.read(&mut cx).await.unwrap();
        let mut sagas = offshoot_saga::show(&mut read, id).await.unwrap();
        assert_eq!(sagas.len(), 1, "{sagas:?}");
        let (saga, steps) = sagas.remove(0);
        let steps = steps.into_iter().map(|step| format!("{} {}", step.step, step.state));
        (saga.state, steps.collect())
    }
}
