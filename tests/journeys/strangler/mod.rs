//! Strangler migrations: a module leaves a running store and returns, as real processes.

mod faults;
mod refusals;
mod whole_way;
mod wrong_candidates;

use offshoot::wiring::DECLARATIONS;
use offshoot_tests::{Client, Data, Engine, Mover, Process, free_address};

use tokio::sync::SemaphorePermit;

use super::STORE_PERMITS;
use super::interrupted_import::SAMPLE_CSV;
use super::replay::data_with_sample;

/// Two replicas of the whole store, and a candidate for one module.
struct Moving {
    data: Data,
    module: &'static str,
    fronts: Vec<Process>,
    candidate: Process,
    _permits: SemaphorePermit<'static>,
}

impl Moving {
    /// Starts the processes on the sample. Calls may go to the candidate at `through`, by default the candidate itself.
    async fn start(engine: Engine, module: &'static str, replicas: usize, through: Option<&str>) -> Self {
        Self::start_with(engine, module, replicas, through, &[]).await
    }

    /// Like [`start`](Self::start), with environment variables for every process.
    async fn start_with(
        engine: Engine,
        module: &'static str,
        replicas: usize,
        through: Option<&str>,
        environment: &[(&str, &str)],
    ) -> Self {
        let permits = u32::try_from(replicas + 1).expect("a few processes");
        let permits = STORE_PERMITS.acquire_many(permits).await;
        let data = data_with_sample(engine).await;
        let data = environment
            .iter()
            .fold(data, |data, (name, value)| data.with_environment(name, value));
        let (store, candidate_at) = (free_address(), free_address());
        let through = through.map_or_else(|| format!("http://{candidate_at}"), str::to_owned);
        let urls = format!("{module}={through}");
        let mut fronts = Vec::new();
        for replica in 0..replicas {
            let listen = if replica == 0 {
                store.clone()
            } else {
                "127.0.0.1:0".to_owned()
            };
            fronts.push(data.serve(&["--listen", &listen, "--urls", &urls]).await);
        }
        for front in &fronts {
            front.wait_until_ready().await;
        }
        let candidate = serve_candidate(&data, module, &candidate_at, &store).await;
        Self {
            data,
            module,
            fronts,
            candidate,
            _permits: permits.expect("the semaphore is never closed"),
        }
    }

    /// An operator at the first replica.
    fn mover(&self) -> Mover {
        Mover::new(self.operator(0), self.module)
    }

    fn operator(&self, replica: usize) -> Client {
        Client::new(self.fronts[replica].url()).with_token(self.data.operator_token())
    }

    /// Buys baskets of the sample through one replica. Returns the report, in which every request must have succeeded and every
    /// proof must hold.
    async fn buy(&self, replica: usize, run: usize) -> serde_json::Value {
        let report = replay(&self.data, run, &["--url", self.fronts[replica].url()]).await;
        assert_eq!(report["requests"]["failed"], serde_json::json!({}), "{report:#}");
        report
    }

    /// Stops all processes; each must exit with 0.
    async fn stop(self) -> Data {
        for front in self.fronts {
            front.stop().await;
        }
        self.candidate.stop().await;
        self.data
    }
}

/// Buys baskets of the sample, one after the other, so that a run is the same each time. `run` is also the seed.
async fn replay(data: &Data, run: usize, more: &[&str]) -> serde_json::Value {
    let run = run.to_string();
    let replay = [
        "replay",
        "online-retail",
        SAMPLE_CSV,
        "--limit",
        "40",
        "--concurrency",
        "1",
    ];
    let arguments = [&replay[..], &["--run", &run, "--seed", &run, "--json"], more].concat();
    let report = data.run_command(&arguments).await.expect_success();
    serde_json::from_str(&report.stdout).expect("stdout is JSON")
}

/// Starts the candidate for a module. The modules that the candidate calls or listens to are at `store`.
async fn serve_candidate(data: &Data, module: &str, listen: &str, store: &str) -> Process {
    let declaration = DECLARATIONS
        .iter()
        .find(|declaration| declaration.name == module)
        .expect("a module");
    let others = declaration.calls.iter().chain(declaration.subscribes_to);
    let mut others: Vec<_> = others.map(|other| format!("{other}=http://{store}")).collect();
    others.sort_unstable();
    others.dedup();
    let mut arguments = vec!["--only", module, "--candidate", "--listen", listen];
    arguments.extend(others.iter().flat_map(|other| ["--remote", other.as_str()]));
    data.serve(&arguments).await
}
