//! Runs every body in every combination, then counts what the bodies together have reached.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use offshoot_contract::{Clock, ManualClock, Timestamp};
use offshoot_db::{Engine, recording};
use tokio::runtime::Runtime;

use crate::combination::{Combination, reach};
use crate::coverage::Coverage;
use crate::database::Templates;
use crate::module::{Body, ModuleUnderTest, Test};
use crate::postgres;
use crate::state::DataState;

/// 2026-01-01T00:00:00Z, where the clock of a test stands.
const START_MICROS: i64 = 1_767_225_600_000_000;

/// The `main` of a module's contract tests. Takes the arguments of `cargo test`.
///
/// Fails if a body fails, and, where all bodies ran, if in any combination a method never answered, an error variant was
/// never reached, a call with an effect was never made twice, or a statement never ran.
#[must_use]
pub fn contract_tests<M: ModuleUnderTest>(bodies: Vec<Body<M>>) -> ExitCode {
    let arguments = Arguments::from_args();
    recording::enable();
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let server = if arguments.list { None } else { postgres::server() };
    let suite = Arc::new(Suite {
        templates: runtime.block_on(Templates::new(M::SCHEMA, server)),
        coverage: Combination::all(server.is_some())
            .into_iter()
            .map(|each| (each, Arc::default()))
            .collect(),
    });
    let mut trials = Vec::new();
    for &combination in suite.coverage.keys() {
        for body in &bodies {
            let (suite, runtime, run) = (Arc::clone(&suite), Arc::clone(&runtime), body.run);
            trials.push(Trial::test(format!("{combination} {}", body.name), move || {
                runtime.block_on(async { run(suite.prepare::<M>(combination).await).await });
                Ok(())
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let all_ran = !arguments.list && conclusion.num_filtered_out == 0 && !conclusion.has_failed();
    let complete = !all_ran || suite.report::<M>();
    if conclusion.has_failed() || !complete {
        ExitCode::from(101)
    } else {
        ExitCode::SUCCESS
    }
}

struct Suite {
    templates: Templates,
    coverage: BTreeMap<Combination, Arc<Coverage>>,
}

impl Suite {
    async fn prepare<M: ModuleUnderTest>(&self, combination: Combination) -> Test<M> {
        let start = Timestamp::from_micros(START_MICROS).expect("a time of this century");
        let clock = Arc::new(ManualClock::new(start));
        let (db, database) = self
            .templates
            .database(combination.engine, Arc::clone(&clock) as Arc<dyn Clock>)
            .await;
        let (implementation, world) = M::build(db.clone(), Arc::clone(&clock) as Arc<dyn Clock>);
        let state = Arc::new(DataState::new(M::SCHEMA, database.place.clone()));
        let coverage = &self.coverage[&combination];
        let reached = reach(combination.access, implementation, &db, coverage, state).await;
        Test {
            api: Arc::clone(&reached.api),
            once: Arc::clone(&reached.once),
            db,
            clock,
            world,
            combination,
            _reached: reached,
            _database: database,
        }
    }

    /// Prints what was reached and what a database cost. False if anything is missing.
    fn report<M: ModuleUnderTest>(&self) -> bool {
        let mut missing = Vec::new();
        for (combination, coverage) in &self.coverage {
            missing.extend(
                coverage
                    .missing::<M::Api>()
                    .into_iter()
                    .map(|what| format!("{combination}: {what}")),
            );
        }
        let engines: Vec<Engine> = self.templates.medians().iter().map(|(engine, ..)| *engine).collect();
        missing.extend(crate::statements::unproven(Path::new(M::SOURCES), &engines));
        for (engine, median, count) in self.templates.medians() {
            println!(
                "a fresh database on {engine}: median {:.1} ms of {count}",
                median.as_secs_f64() * 1e3
            );
        }
        let combinations = self.coverage.len();
        if missing.is_empty() {
            println!("coverage: every method, error, repeat and statement in {combinations} combinations");
        } else {
            println!("coverage, missing:\n  {}", missing.join("\n  "));
        }
        missing.is_empty()
    }
}
