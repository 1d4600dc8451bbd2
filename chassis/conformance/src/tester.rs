//! State of a test: the subject, the requests that serve as a basis, and the results so far.

use http::header::AUTHORIZATION;
use offshoot_contract::{Clock as _, MethodDescription, SystemClock};
use offshoot_rest::ModuleKeys;
use serde_json::Value;
use uuid::Uuid;

use crate::expectation::{Expectation, ExpectedIdentity, check_domain_error, check_problem};
use crate::page::{self, Row};
use crate::probe::{Answer, Probe, Sender};
use crate::report::{Deviation, Report, Unchecked};
use crate::sample::{self, Fields, scalar_text};
use crate::{NoAnswer, Subject, fit};

/// A test of one server.
pub(crate) struct Tester {
    pub(crate) subject: Subject,
    pub(crate) keys: ModuleKeys,
    pub(crate) identity: ExpectedIdentity,
    sender: Sender,
    token: String,
    rows: Vec<Row>,
    passed: Vec<&'static str>,
    deviations: Vec<Deviation>,
    unchecked: Vec<Unchecked>,
}

impl Tester {
    pub(crate) fn new(subject: Subject) -> Result<Self, NoAnswer> {
        let keys = subject.keys.for_module(&subject.contract.name);
        Ok(Self {
            identity: ExpectedIdentity {
                contract: format!("{}/{}", subject.contract.name, subject.contract.major()),
                store: None,
            },
            sender: Sender::new(&subject.url, subject.tls.clone()),
            token: keys.issue_token(&subject.caller),
            rows: page::rows(),
            keys,
            subject,
            passed: Vec::new(),
            deviations: Vec::new(),
            unchecked: Vec::new(),
        })
    }

    /// Fails if nothing answers at the address.
    pub(crate) async fn require_answer(&self) -> Result<(), NoAnswer> {
        let answer = self.sender.send(&Probe::get("/health/live")).await;
        answer.map(drop).map_err(|reason| NoAnswer {
            url: self.subject.url.to_string(),
            reason,
        })
    }

    /// Seconds since 1970.
    pub(crate) fn now() -> u64 {
        u64::try_from(SystemClock.now().as_micros() / 1_000_000).unwrap_or_default()
    }

    /// A GET with a valid token.
    pub(crate) fn get(&self, path: impl Into<String>) -> Probe {
        Probe::get(path).with(AUTHORIZATION, &self.token)
    }

    pub(crate) fn identity_path(&self) -> String {
        format!("/modules/{}/contract", self.subject.contract.name)
    }

    /// Path of a method, or of the feed of events.
    pub(crate) fn path(&self, below: &str) -> String {
        let contract = &self.subject.contract;
        format!("/modules/{}/v{}{below}", contract.name, contract.major())
    }

    /// A call of a method with arguments that are made up. Without `body`, also without the body of the method.
    pub(crate) fn call(&self, method: &MethodDescription, body: Option<String>) -> Probe {
        let params = sample::value(&method.params, &self.subject.contract.schemas, Fields::Required);
        let mut path = self.path(&method.path);
        let mut query = Vec::new();
        for (name, value) in params.as_object().into_iter().flatten() {
            let place = format!("{{{name}}}");
            match path.contains(&place) {
                true => path = path.replace(&place, &scalar_text(value)),
                false => query.push((name.clone(), scalar_text(value))),
            }
        }
        let verb = match method.verb.as_str() {
            "PUT" => "PUT",
            "POST" => "POST",
            "DELETE" => "DELETE",
            _ => "GET",
        };
        let call = self.get(path).with_verb(verb);
        let call = query
            .into_iter()
            .fold(call, |call, (name, value)| call.with_query(&name, &value));
        match body {
            Some(body) => call.with_body(body),
            None => call,
        }
    }

    /// A body of the method that is made up; none for a method without a body.
    pub(crate) fn body(&self, method: &MethodDescription, fields: Fields) -> Option<Value> {
        let body = method.body.as_ref()?;
        Some(sample::value(body, &self.subject.contract.schemas, fields))
    }

    /// The first method for which `wanted` holds.
    pub(crate) fn method(&self, wanted: impl Fn(&MethodDescription) -> bool) -> Option<MethodDescription> {
        let methods = &self.subject.contract.methods;
        methods.iter().find(|method| wanted(method)).cloned()
    }

    /// Sends a request, and notes whether the answer is the expected one. None if it is not.
    pub(crate) async fn expect(
        &mut self,
        vector: &'static str,
        probe: Probe,
        expectation: Expectation,
    ) -> Option<Answer> {
        let (answer, failure) = match self.sender.send(&probe).await {
            Ok(answer) => {
                let failure = expectation(&answer).err();
                (Some(answer), failure)
            }
            Err(reason) => (None, Some(reason)),
        };
        let Some(reason) = failure else {
            if !self.passed.contains(&vector) {
                self.passed.push(vector);
            }
            return answer;
        };
        let row = self.rows.iter().find(|row| row.vector == vector);
        self.passed.retain(|passed| *passed != vector);
        self.deviations.push(Deviation {
            vector,
            section: row.map_or("", |row| row.section),
            sent: probe.describe(),
            received: answer.map_or_else(|| "nothing".to_owned(), |answer| answer.describe()),
            expected: row.map_or("", |row| row.answer),
            reason,
        });
        None
    }

    /// Notes that a vector is not sent.
    pub(crate) fn skip(&mut self, vectors: &[&'static str], reason: &str) {
        self.unchecked.extend(vectors.iter().map(|vector| Unchecked {
            vector,
            reason: reason.to_owned(),
        }));
    }

    /// Learns the store from the identity.
    pub(crate) fn learn_store(&mut self, store: Uuid) {
        self.identity.store = Some(store);
    }

    /// An answer or an error of the contract, as the method describes them.
    pub(crate) fn fits(&self, method: &MethodDescription) -> Expectation {
        let (identity, method) = (self.identity.clone(), method.clone());
        let shape = method.answer.as_ref().map(|answer| self.subject.contract.shape(answer));
        Box::new(move |answer| {
            identity.check(answer)?;
            match (answer.status, shape) {
                (200, Some(shape)) => {
                    let content_type = answer.header("content-type").unwrap_or_default();
                    if content_type.split(';').next() != Some("application/json") {
                        return Err(format!("the content type of an answer is `{content_type}`"));
                    }
                    let value = serde_json::from_slice(&answer.body);
                    fit::check(
                        &shape,
                        &value.map_err(|error| format!("the answer is not JSON: {error}"))?,
                    )
                }
                (204, shape)
                    if shape
                        .as_ref()
                        .is_none_or(|shape| fit::check(shape, &Value::Null).is_ok()) =>
                {
                    match answer.body.is_empty() {
                        true => Ok(()),
                        false => Err("an answer with status 204 has a body".to_owned()),
                    }
                }
                (400.., _) => check_domain_error(&check_problem(answer)?, &method.errors),
                (status, _) => Err(format!("the method does not answer with {status}")),
            }
        })
    }

    pub(crate) fn into_report(self, finished: bool) -> Report {
        let mut unchecked = self.unchecked;
        for row in &self.rows {
            let is_known = self.passed.contains(&row.vector)
                || self.deviations.iter().any(|each| each.vector == row.vector)
                || unchecked.iter().any(|each| each.vector == row.vector);
            if !is_known {
                let reason = "the time limit came first".to_owned();
                unchecked.push(Unchecked {
                    vector: row.vector,
                    reason,
                });
            }
        }
        Report {
            module: self.subject.contract.name,
            version: self.subject.contract.version,
            url: self.subject.url.to_string(),
            passed: self.passed,
            deviations: self.deviations,
            unchecked,
            finished,
        }
    }
}
