//! Strangler migrations: a module leaves a running store and returns, as real processes.

mod faults;
mod refusals;
mod whole_way;
mod wrong_candidates;

use offshoot::wiring::DECLARATIONS;
use offshoot_tests::{Client, Data, Engine, Mover, Process, free_address};

use super::interrupted_import::SAMPLE_CSV;

/// Two replicas of the whole store, and a candidate for one module.
struct Moving {
    data: Data,
    module: &'static str,
    fronts: Vec<Process>,
    candidate: Process,
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
        let data = Data::new(engine).await;
        let data = environment
            .iter()
            .fold(data, |data, (name, value)| data.with_environment(name, value));
        data.run_command(&["import", "online-retail", SAMPLE_CSV])
            .await
            .expect_success();
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
        let (run, url) = (run.to_string(), self.fronts[replica].url());
        let replay = [
            "replay",
            "online-retail",
            SAMPLE_CSV,
            "--limit",
            "40",
            "--concurrency",
            "1",
            "--json",
        ];
        let replay = [&replay[..], &["--url", url, "--run", &run, "--seed", &run]].concat();
        let report = self.data.run_command(&replay).await.expect_success();
        let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("stdout is JSON");
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
