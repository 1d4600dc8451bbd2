//! An operator who moves a module: sends verbs to the admin surface of one process, and waits for gates.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Client, Response};

/// Time limit of each wait, however slow the machine: an event that does not come in this time does not come.
const PATIENCE: Duration = Duration::from_secs(300);
/// Pause between two looks at a status.
const LOOK: Duration = Duration::from_millis(100);
/// Limit that the tests accept for each rate, by name. A limit of the product needs thousands of calls.
const ACCEPTED: f64 = 0.2;
/// Observations after which a first look bounds a clean rate by this limit.
const SAMPLE: u64 = 17;
/// Margin of slow attempts, milliseconds.
pub const SLOW_MARGIN_MS: u64 = 20_000;
/// Observations of all methods of a stage before the tests accept what is missing.
const OBSERVED: u64 = 60;

/// Moves one module.
#[derive(Debug, Clone)]
pub struct Mover {
    client: Client,
    module: String,
}

impl Mover {
    /// `client` has the token of an operator.
    #[must_use]
    pub fn new(client: Client, module: &str) -> Self {
        let module = module.to_owned();
        Self { client, module }
    }

    /// The status of the migration.
    pub async fn status(&self) -> Value {
        self.client
            .get(&format!("/admin/strangler/{}", self.module))
            .await
            .expect(200)
    }

    /// Sends a verb with the current generation, unless `fields` have one.
    pub async fn send(&self, verb: &str, mut fields: Value) -> Response {
        if fields.get("generation").is_none() {
            fields["generation"] = self.status().await["generation"].clone();
        }
        let path = format!("/admin/strangler/{}/{verb}", self.module);
        self.client.json("POST", &path, &fields).await
    }

    /// Sends a verb that must be accepted.
    pub async fn apply(&self, verb: &str, fields: Value) -> Value {
        self.send(verb, fields).await.expect(200)
    }

    /// Starts a migration in which each read is compared, once the candidate has been seen. `steps`: shares of the canary.
    pub async fn start(&self, steps: &[u8]) {
        // A slow machine is no fault of the candidate, except where a test makes the candidate slow.
        let settings = json!({ "steps": steps, "sample_per_mille": 1_000, "slow_margin_ms": SLOW_MARGIN_MS });
        let give_up = Instant::now() + PATIENCE;
        loop {
            let started = self.send("start", settings.clone()).await;
            if started.status == 200 {
                return;
            }
            // A candidate that has just started has sent no heartbeat yet.
            assert!(started.status == 409 && Instant::now() < give_up, "{}", started.text);
            sleep(LOOK).await;
        }
    }

    /// Waits until a verb is refused with `words` in the reason. A process that has just started sends no heartbeat yet.
    pub async fn until_refused_with(&self, verb: &str, words: &str) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let answer = self.send(verb, json!({})).await;
            assert_eq!(answer.status, 409, "{}", answer.text);
            if answer.text.contains(words) {
                return;
            }
            assert!(Instant::now() < give_up, "not refused with `{words}`: {}", answer.text);
            sleep(LOOK).await;
        }
    }

    /// Waits until the status is as wanted.
    pub async fn until(&self, wanted: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let status = self.status().await;
            if holds(&status) {
                return status;
            }
            assert!(
                Instant::now() < give_up,
                "{}: {wanted} did not come: {status:#}",
                self.module
            );
            sleep(LOOK).await;
        }
    }

    /// Waits until this stage has observed enough for the limit that the tests accept.
    async fn until_observed(&self) {
        self.until("traffic", |status| {
            let methods = status["methods"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, method)| method);
            let count = |value: &Value| value.as_u64().unwrap_or(0);
            let observed = methods.map(|method| {
                count(&method["encoded"]) + count(&method["compared"]) + count(&method["candidate"]["calls"])
            });
            status["state"] == "local" || observed.sum::<u64>() >= OBSERVED
        })
        .await;
    }

    /// Accepts by name each gate that is held: a rate with enough observations up to a limit, and the others as they are,
    /// because nobody calls these methods.
    pub async fn accept_held_gates(&self) {
        let status = self.status().await;
        for gate in gates(&status) {
            if gate["verdict"] != "held" || gate["can_be_waived"] != true {
                continue;
            }
            let has_data = gate["sample"].as_u64() >= Some(SAMPLE);
            let limit = if gate["limit"].is_null() || !has_data {
                Value::Null
            } else {
                json!(ACCEPTED)
            };
            let fields = json!({ "gate": gate["name"], "limit": limit, "reason": "a test has little traffic" });
            // The gate may have closed or passed meanwhile.
            let answer = self.send("waive", fields).await;
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
        }
    }

    /// Goes one step forward, to `to`, once the gates pass.
    pub async fn advance(&self, to: &str) {
        self.until_observed().await;
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.accept_held_gates().await;
            let answer = self.send("advance", json!({ "to": to, "reason": "tests" })).await;
            if answer.status == 200 {
                return;
            }
            let waits = answer.status == 409 && matches!(code(&answer).as_str(), "gates" | "stale-generation");
            assert!(
                waits && Instant::now() < give_up,
                "{} to {to}: {}",
                self.module,
                answer.text
            );
            sleep(LOOK).await;
        }
    }

    /// Goes back to `to`. No gate stands before a step back.
    pub async fn back(&self, to: &str) {
        let path = format!("/admin/strangler/{}/rollback", self.module);
        self.client
            .json("POST", &path, &json!({ "to": to, "reason": "tests" }))
            .await
            .expect(200);
    }

    /// Waits until each live member runs the plan of the current generation.
    pub async fn until_acknowledged(&self) -> Value {
        self.until("the acknowledgement of each member", |status| {
            let members = status["members"].as_array().expect("members");
            !members.is_empty()
                && members
                    .iter()
                    .all(|member| member["acknowledged"] == status["generation"])
        })
        .await
    }

    /// Classes of differences, the most frequent first.
    pub async fn differences(&self) -> Vec<String> {
        let path = format!("/admin/strangler/{}/differences", self.module);
        let classes = self.client.get(&path).await.expect(200);
        let classes = classes.as_array().expect("a list").iter();
        classes
            .map(|class| class["class"].as_str().expect("a text").to_owned())
            .collect()
    }

    /// The history: verb, and the states before and after.
    pub async fn history(&self) -> Vec<(String, String, String)> {
        let entries = self
            .client
            .get(&format!("/admin/strangler/{}/history", self.module))
            .await
            .expect(200);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let entries = entries.as_array().expect("a list").iter();
        entries
            .map(|entry| (text(&entry["verb"]), text(&entry["from"]), text(&entry["to"])))
            .collect()
    }
}

/// The gates of a status.
pub fn gates(status: &Value) -> impl Iterator<Item = &Value> {
    status["gates"].as_array().into_iter().flatten()
}

fn code(answer: &Response) -> String {
    let problem: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    problem["code"].as_str().unwrap_or_default().to_owned()
}
