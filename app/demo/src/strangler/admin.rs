//! The admin surface of the store: status of a migration, and the verbs that change a migration.
//!
//! Reads only the fields that the demonstration shows or decides on; other fields are ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use offshoot_replay::http::{HttpClient, client, send};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Time limit of one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Codes of refusals that pass: another generation, a control database that is busy, gates that are closed for now.
const TRANSIENT: [&str; 3] = ["stale-generation", "control-unavailable", GATES];
/// Code of a refusal by gates.
const GATES: &str = "gates";
/// Reads of 1,000 that are compared.
const SAMPLE_PER_MILLE: u16 = 1_000;
/// Canary share from which on the candidate shares the background work.
const WORK_FROM: u8 = 50;
/// Margin of slow attempts: buyers, browsers and both processes share one small machine.
const SLOW_MARGIN_MS: u32 = 250;

/// Admin surface of one module's migration.
pub(super) struct Admin {
    client: HttpClient,
    /// `http://HOST:PORT/admin/strangler/MODULE`.
    root: String,
    authorization: String,
}

/// Status of the migration.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub(super) generation: u64,
    pub(super) state: String,
    /// Reason for an automatic step back.
    pub(super) halted: Option<String>,
    pub(super) can_go_forward: bool,
    pub(super) gates: Vec<Gate>,
    pub(super) members: Vec<Member>,
    /// The processes at the candidate's addresses; `None` if none answers.
    pub(super) candidate: Option<Value>,
    pub(super) share_of_keys: f64,
    pub(super) share_of_calls: Option<f64>,
    /// Counts of the current state, by method.
    pub(super) methods: BTreeMap<String, Counts>,
    /// Accepted gates, by name.
    pub(super) waivers: BTreeMap<String, Value>,
}

/// A condition of the next step forward.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Gate {
    /// Kind, and the method if there is one: `mismatch:browse`.
    pub(super) name: String,
    pub(super) verdict: Verdict,
    pub(super) detail: String,
    /// Upper bound of the measured rate, 0 to 1.
    pub(super) value: Option<f64>,
    /// Largest accepted rate, 0 to 1. `None` for a gate that is a fact.
    pub(super) limit: Option<f64>,
    pub(super) sample: u64,
    pub(super) missing: Option<u64>,
    /// Seconds until nothing is missing, at the rate so far.
    pub(super) seconds: Option<u64>,
    pub(super) can_be_waived: bool,
}

/// Verdict of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Green,
    Accepted,
    Held,
    Red,
}

/// A process that routes calls of the module.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Member {
    /// The generation whose plan the process runs.
    pub(super) acknowledged: u64,
}

/// Counts of one method.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub(super) compared: u64,
    pub(super) mismatched: u64,
    pub(super) candidate: Attempts,
    /// Calls that the local implementation executed after the candidate had not answered.
    pub(super) fallbacks: u64,
}

/// Attempts at one side.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attempts {
    pub(super) calls: u64,
    pub(super) failed: u64,
}

/// A class of differences between the answers of both sides.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DifferenceClass {
    /// Method, field and kind: `browse items[].price.amount value`.
    pub(super) class: String,
    pub(super) seen: u64,
}

/// Answer to a verb.
#[derive(Debug)]
pub(super) enum Answer {
    /// The generation that the verb made.
    Accepted(u64),
    Refused(Refusal),
}

/// Why a verb was refused.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) code: String,
    #[serde(default)]
    pub(super) detail: String,
}

/// The part of an accepted verb's answer that is read.
#[derive(Debug, Deserialize)]
struct Outcome {
    generation: u64,
}

impl Gate {
    pub(super) fn kind(&self) -> &str {
        self.name.split(':').next().unwrap_or_default()
    }

    /// The method, if the gate has one.
    pub(super) fn method(&self) -> Option<&str> {
        self.name.split_once(':').map(|(_, method)| method)
    }

    pub(super) fn passes(&self) -> bool {
        self.verdict.passes()
    }
}

impl Verdict {
    pub(super) fn passes(self) -> bool {
        matches!(self, Verdict::Green | Verdict::Accepted)
    }
}

impl Refusal {
    /// Whether the same verb may be accepted after another look at the status.
    pub(super) fn is_transient(&self) -> bool {
        TRANSIENT.contains(&self.code.as_str())
    }

    /// Whether gates are closed.
    pub(super) fn is_by_gates(&self) -> bool {
        self.code == GATES
    }
}

impl Admin {
    /// `header`: output of `offshoot token operator`.
    pub(super) fn new(store: &str, module: &str, header: &str) -> Result<Self> {
        let value = header.strip_prefix("Authorization: ");
        Ok(Self {
            client: client(),
            root: format!("{store}/admin/strangler/{module}"),
            authorization: value.context("`offshoot token operator` printed no header")?.to_owned(),
        })
    }

    /// Value of the header `Authorization`.
    pub(super) fn authorization(&self) -> &str {
        &self.authorization
    }

    pub(super) async fn status(&self) -> Result<Status> {
        self.get("").await
    }

    /// The classes of the current state, the most frequent first.
    pub(super) async fn differences(&self) -> Result<Vec<DifferenceClass>> {
        self.get("/differences").await
    }

    pub(super) async fn start(&self, steps: &[u8], generation: u64) -> Result<Answer> {
        let settings = json!({
            "steps": steps,
            "sample_per_mille": SAMPLE_PER_MILLE,
            "fallback": true,
            "work_from": WORK_FROM,
            "slow_margin_ms": SLOW_MARGIN_MS,
            "generation": generation,
        });
        self.post("start", &settings).await
    }

    /// The step to the next state; with `dry_run` nothing changes.
    pub(super) async fn advance(&self, generation: u64, dry_run: bool) -> Result<Answer> {
        self.post("advance", &json!({ "generation": generation, "dry_run": dry_run }))
            .await
    }

    pub(super) async fn rollback(&self, to: &str, reason: &str, generation: u64) -> Result<Answer> {
        let fields = json!({ "to": to, "reason": reason, "generation": generation });
        self.post("rollback", &fields).await
    }

    /// Accepts a gate by name, up to `limit`; whatever was measured without a limit.
    pub(super) async fn waive(&self, gate: &str, limit: Option<f64>, reason: &str, generation: u64) -> Result<Answer> {
        let mut fields = json!({ "gate": gate, "reason": reason, "generation": generation });
        if let Some(limit) = limit {
            fields["limit"] = json!(limit);
        }
        self.post("waive", &fields).await
    }

    pub(super) async fn end(&self, generation: u64) -> Result<Answer> {
        self.post("end", &json!({ "generation": generation })).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let (status, body) = self.ask(Method::GET, path, &Value::Null).await?;
        ensure!(status == 200, "GET {}{path} answered {status}: {body}", self.root);
        serde_json::from_value(body)
            .with_context(|| format!("GET {}{path} gave another answer than expected", self.root))
    }

    async fn post(&self, verb: &str, fields: &Value) -> Result<Answer> {
        let (status, body) = self.ask(Method::POST, &format!("/{verb}"), fields).await?;
        if status == 200 {
            let outcome: Outcome = serde_json::from_value(body)?;
            return Ok(Answer::Accepted(outcome.generation));
        }
        let Ok(refusal) = serde_json::from_value(body.clone()) else {
            bail!("the verb {verb} of {} answered {status}: {body}", self.root)
        };
        Ok(Answer::Refused(refusal))
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<(u16, Value)> {
        let (url, headers) = (
            format!("{}{path}", self.root),
            [("authorization", self.authorization())],
        );
        let sent = send(&self.client, method, &url, &headers, body);
        let answered = timeout(TIMEOUT, sent).await;
        answered.with_context(|| format!("{url} did not answer within {TIMEOUT:?}"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_by_the_fields_that_are_shown() {
        let status = json!({
            "module": "catalog", "at": "2026-01-01T00:00:00Z", "generation": 7, "state": "canary:50", "halted": null,
            "can_go_forward": false, "members": [{ "name": "host 1", "acknowledged": 7 }], "candidate": null,
            "gates": [{
                "name": "mismatch:browse", "verdict": "held", "detail": "", "value": null, "limit": 0.01, "sample": 12,
                "confidence": null, "missing": 356, "seconds": 9, "can_be_waived": true,
            }],
            "share_of_keys": 0.5, "share_of_calls": 0.4, "waivers": {},
            "methods": { "browse": { "compared": 12, "candidate": { "calls": 30, "failed": 1 }, "fallbacks": 2 } },
        });
        let status: Status = serde_json::from_value(status).expect("the fields have these types");
        let gate = &status.gates[0];
        assert_eq!(
            (gate.kind(), gate.method(), gate.verdict),
            ("mismatch", Some("browse"), Verdict::Held)
        );
        let browse = &status.methods["browse"];
        assert_eq!((browse.compared, browse.candidate.calls, browse.fallbacks), (12, 30, 2));
    }
}
