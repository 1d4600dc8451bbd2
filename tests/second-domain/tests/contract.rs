//! Contract tests of the readings module in every combination of engine and placement.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::process::ExitCode;
use std::sync::Arc;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};
use second_domain::{Readings, ReadingsApi, ReadingsError, SCHEMA};

struct ReadingsUnderTest;

impl ModuleUnderTest for ReadingsUnderTest {
    type Api = dyn ReadingsApi;
    type Fakes = ();
    const SCHEMA: &'static ModuleSchema = &SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn ReadingsApi>, ()) {
        (Arc::new(Readings { db, clock }), ())
    }
}

fn main() -> ExitCode {
    contract_tests::<ReadingsUnderTest>(bodies![
        latest_returns_the_newest_reading,
        an_implausible_temperature_is_refused
    ])
}

async fn latest_returns_the_newest_reading(t: Test<ReadingsUnderTest>) {
    let silent = t.api.latest(&mut t.cx(), "Kew/1 é".to_owned()).await;
    assert_eq!(
        silent,
        Err(ReadingsError::Silent {
            station: "Kew/1 é".to_owned()
        })
    );
    for celsius in [-3, 4] {
        t.clock.advance(std::time::Duration::from_secs(60));
        t.api.report(&mut t.cx(), "Kew/1 é".to_owned(), celsius).await.unwrap();
    }
    assert_eq!(
        t.api.latest(&mut t.cx(), "Kew/1 é".to_owned()).await.unwrap().celsius,
        4
    );
}

async fn an_implausible_temperature_is_refused(t: Test<ReadingsUnderTest>) {
    let refused = t.api.report(&mut t.cx(), "Kew".to_owned(), 61).await;
    assert_eq!(refused, Err(ReadingsError::Implausible { celsius: 61 }));
}
