//! Buyers in a process of their own that buy real baskets through the public API and repeat unanswered requests.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use offshoot_tests::Data;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::journeys::interrupted_import::SAMPLE_CSV;

/// Baskets per round.
const BASKETS: &str = "150";
/// The message on stderr after the last buyer has finished.
const FINISHED: &str = "all buyers have ended";

pub(super) struct Buyers {
    round: u32,
    child: Child,
    /// The buyers' stderr.
    stderr: Arc<Mutex<String>>,
}

/// Starts eight concurrent buyers at `url`. The seed plus the round selects the baskets.
pub(super) fn start(data: &Data, url: &str, seed: u64, round: u32) -> Buyers {
    let (draw, run) = (seed.wrapping_add(round.into()).to_string(), format!("round-{round}"));
    let replay = [
        "replay",
        "online-retail",
        SAMPLE_CSV,
        "--limit",
        BASKETS,
        "--url",
        url,
        "--seed",
        &draw,
        "--run",
        &run,
    ];
    let mut command = data.command(&replay);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stderr.take().expect("stderr was piped")).lines();
    let stderr = Arc::<Mutex<String>>::default();
    let shared = Arc::clone(&stderr);
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let mut stderr = shared.lock().unwrap_or_else(PoisonError::into_inner);
            stderr.push_str(&line);
            stderr.push('\n');
        }
    });
    Buyers { round, child, stderr }
}

impl Buyers {
    /// Whether buyers still buy. After the buyers, the process runs the proofs.
    pub(super) fn is_active(&mut self) -> bool {
        let has_finished = self.stderr().contains(FINISHED);
        !has_finished && self.child.try_wait().expect("the child can be polled").is_none()
    }

    fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the process. The exit code says that every acknowledged order still exists unchanged and every other
    /// proof holds.
    pub(super) async fn finish(self, seed: u64) {
        let (round, stderr) = (self.round, Arc::clone(&self.stderr));
        let output = self.child.wait_with_output().await.expect("the buyers exit");
        let report = String::from_utf8_lossy(&output.stdout);
        let stderr = stderr.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            output.status.success(),
            "OFFSHOOT_SEED={seed}, round {round}:\n{report}{stderr}"
        );
    }
}
