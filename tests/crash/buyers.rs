//! Real baskets bought through the public API, by buyers in a process of their own that repeat what is not answered.

use std::process::Stdio;

use offshoot_tests::Data;
use tokio::process::Child;

use crate::journeys::interrupted_import::SAMPLE;

/// Baskets of one round.
const BASKETS: &str = "150";

pub(super) struct Buyers {
    round: u32,
    child: Child,
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
    let child = command.spawn().expect("the binary can be started");
    Buyers { round, child }
}

impl Buyers {
    pub(super) fn are_at_it(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// Waits for all of them. Each order that was acknowledged must be there as it was, and every other proof must hold.
    pub(super) async fn end(self, seed: u64) {
        let output = self.child.wait_with_output().await.expect("it ends");
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "OFFSHOOT_SEED={seed}, round {}:\n{stdout}{stderr}",
            self.round
        );
    }
}
