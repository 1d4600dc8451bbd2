//! Runs every test body in every combination, then reports the coverage of all bodies together.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use offshoot_contract::{Clock, ManualClock, Timestamp};
use offshoot_db::{Engine, statement_coverage};
use tokio::runtime::Runtime;

use crate::combination::{Combination, build_access};
use crate::coverage::Coverage;
use crate::data_state::DataState;
use crate::database::Templates;
use crate::module_under_test::{Body, ModuleUnderTest, Test};
use crate::postgres;

/// Start of every test's clock: 2026-01-01T00:00:00Z.
const START_MICROS: i64 = 1_767_225_600_000_000;

/// The `main` of a module's contract tests. Accepts the arguments of `cargo test`.
///
/// Fails if a body fails. If all bodies ran, also fails if in any combination a method never succeeded, an error
/// variant was never reached, a call with an effect was never repeated, or a statement never ran.
#[must_use]
pub fn contract_tests<M: ModuleUnderTest>(bodies: Vec<Body<M>>) -> ExitCode {
    let arguments = Arguments::from_args();
    statement_coverage::enable();
    let runtime = Arc::new(Runtime::new().expect("a runtime can be created"));
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

/// Templates of the databases, and the coverage of each combination.
struct Suite {
    templates: Templates,
    coverage: BTreeMap<Combination, Arc<Coverage>>,
}

impl Suite {
    async fn prepare<M: ModuleUnderTest>(&self, combination: Combination) -> Test<M> {
        let start = Timestamp::from_micros(START_MICROS).expect("the start time is valid");
        let clock = Arc::new(ManualClock::new(start));
        let (db, database) = self
            .templates
            .database(combination.engine, Arc::clone(&clock) as Arc<dyn Clock>)
            .await;
        let (implementation, fakes) = M::build(db.clone(), Arc::clone(&clock) as Arc<dyn Clock>);
        let state = Arc::new(DataState::new(M::SCHEMA, database.location.clone()));
        let coverage = &self.coverage[&combination];
        let access = build_access(combination.placement, implementation, &db, coverage, state).await;
        Test {
            api: Arc::clone(&access.api),
            once: Arc::clone(&access.once),
            db,
            clock,
            fakes,
            combination,
            _access: access,
            _database: database,
        }
    }

    /// Prints the coverage and the median clone time. False if coverage is incomplete.
    fn report<M: ModuleUnderTest>(&self) -> bool {
        let mut missing = Vec::new();
        for (combination, coverage) in &self.coverage {
            missing.extend(
                coverage
                    .missing::<M::Api>()
                    .into_iter()
                    .map(|gap| format!("{combination}: {gap}")),
            );
        }
        let engines: Vec<Engine> = self
            .templates
            .median_times()
            .iter()
            .map(|(engine, ..)| *engine)
            .collect();
        missing.extend(crate::statements::find_unexecuted(Path::new(M::SOURCES), &engines));
        for (engine, median, count) in self.templates.median_times() {
            println!(
                "clone a database on {engine}: median {:.1} ms of {count} clones",
                median.as_secs_f64() * 1e3
            );
        }
        let combinations = self.coverage.len();
        if missing.is_empty() {
            println!("coverage: every method, error, repeat and statement in {combinations} combinations");
        } else {
            println!("coverage is incomplete:\n  {}", missing.join("\n  "));
        }
        missing.is_empty()
    }
}
