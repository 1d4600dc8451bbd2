//! Real baskets bought through the public API, by buyers in a process of their own that repeat what is not answered.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use offshoot_tests::Data;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::journeys::interrupted_import::SAMPLE;

/// Baskets of one round.
const BASKETS: &str = "150";
/// What they say when the last of them has ended.
const ENDED: &str = "all buyers have ended";

pub(super) struct Buyers {
    round: u32,
    child: Child,
    /// On stderr.
    said: Arc<Mutex<String>>,
}

/// Starts buyers at `url`, eight at once. A round is drawn from the seed.
pub(super) fn start(data: &Data, url: &str, seed: u64, round: u32) -> Buyers {
    let (draw, run) = (seed.wrapping_add(round.into()).to_string(), format!("round-{round}"));
    let replay = [
        "replay",
        "online-retail",
        SAMPLE,
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
    let mut child = command.spawn().expect("the binary can be started");
    let mut lines = BufReader::new(child.stderr.take().expect("it was piped")).lines();
    let said = Arc::<Mutex<String>>::default();
    let saying = Arc::clone(&said);
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let mut said = saying.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    });
    Buyers { round, child, said }
}

impl Buyers {
    /// Whether somebody buys: what comes after is proving.
    pub(super) fn are_at_it(&mut self) -> bool {
        let is_over = self.said().contains(ENDED);
        !is_over && self.child.try_wait().expect("it can be asked").is_none()
    }

    fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for all of them. Each order that was acknowledged must be there as it was, and every other proof must hold.
    pub(super) async fn end(self, seed: u64) {
        let (round, said) = (self.round, Arc::clone(&self.said));
        let output = self.child.wait_with_output().await.expect("it ends");
        let report = String::from_utf8_lossy(&output.stdout);
        let said = said.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            output.status.success(),
            "OFFSHOOT_SEED={seed}, round {round}:\n{report}{said}"
        );
    }
}
