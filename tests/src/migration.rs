//! Records of migrations, written before the processes of a store start.

use offshoot_contract::{CallContext, Clock as _, SystemClock};
use offshoot_db::{DatabaseUrl, Db, DbOptions};
use offshoot_strangler::store::{SCHEMA, write};
use offshoot_strangler::{Entry, Migration, State, Step, Verb};

use crate::data::Data;

/// Constant part of the hashes of keys.
const SALT: u64 = 14;

/// Writes the record of a module in `state`, as if an operator had led it there. Each state is reached by its own gates in
/// other tests.
pub async fn put_record(data: &Data, module: &str, state: State) {
    let url = match data.database() {
        Some(url) => DatabaseUrl::parse(url, None).expect("the URL of the tests' database is valid"),
        None => DatabaseUrl::sqlite(data.folder().to_owned()),
    };
    let db = Db::open(&SCHEMA, &url, &DbOptions::default())
        .await
        .expect("the control database opens");
    let now = SystemClock.now();
    let before = Migration::new(SALT, now);
    let mut after = before.clone();
    (after.generation, after.entered, after.state, after.started) = (1, 1, state, true);
    after.settings.sample_per_mille = 1_000;
    let entry = Entry {
        generation: 1,
        at: now,
        operator: "tests".to_owned(),
        verb: Verb::Start,
        from: State::Local,
        to: state,
        reason: String::new(),
        evidence: Vec::new(),
    };
    let step = Step {
        migration: after,
        entry: Some(entry),
    };
    let mut cx = CallContext::root("tests");
    let mut tx = db
        .begin(&mut cx)
        .await
        .expect("the control database takes a transaction");
    // A store that starts again has the record.
    write(&mut tx, module, &before, &step)
        .await
        .expect("the record is written, or is there");
    tx.commit_part().await.expect("the record is committed");
    db.close().await;
}
