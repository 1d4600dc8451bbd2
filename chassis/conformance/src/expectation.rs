//! Expectations of answers: a function of the answer that gives the reason why the answer is another one.

use offshoot_contract::ErrorDescription;
use serde_json::Value;
use uuid::Uuid;

use crate::probe::{Answer, CONTRACT};

/// Gives the reason why an answer is not the expected one.
pub(crate) type Expectation = Box<dyn FnOnce(&Answer) -> Result<(), String> + Send>;

/// The `offshoot-contract` header that the server must send.
#[derive(Debug, Clone)]
pub(crate) struct ExpectedIdentity {
    /// `readings/1`.
    pub(crate) contract: String,
    /// None before the identity is known.
    pub(crate) store: Option<Uuid>,
}

impl ExpectedIdentity {
    /// Checks the header of an answer to a caller with a valid token.
    pub(crate) fn check(&self, answer: &Answer) -> Result<(), String> {
        let header = answer
            .header(CONTRACT)
            .ok_or("the header offshoot-contract is missing")?;
        let mut words = header.split(' ');
        if words.next() != Some(&self.contract) {
            return Err(format!("offshoot-contract does not begin with {}", self.contract));
        }
        let words: Vec<_> = words.collect();
        let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let store = value("store").and_then(|store| store.parse::<Uuid>().ok());
        let store = store.ok_or("offshoot-contract has no store")?;
        if self.store.is_some_and(|expected| expected != store) {
            return Err(format!(
                "offshoot-contract has the store {store}, and the identity another one"
            ));
        }
        let is_hash = |hash: &str| hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        match value("hash") {
            Some(hash) if is_hash(hash) => Ok(()),
            _ => Err("offshoot-contract has no hash of 64 hexadecimal digits".to_owned()),
        }
    }

    /// Checks the header of an answer to a caller without a valid token.
    fn check_for_strangers(&self, answer: &Answer) -> Result<(), String> {
        match answer.header(CONTRACT) {
            Some(header) if header == self.contract => Ok(()),
            Some(header) => Err(format!(
                "offshoot-contract is `{header}`, and not only {}",
                self.contract
            )),
            None => Err("the header offshoot-contract is missing".to_owned()),
        }
    }

    /// A failure of a call that was certainly not executed.
    pub(crate) fn refusal(&self, status: u16, code: &'static str) -> Expectation {
        let identity = self.clone();
        Box::new(move |answer| identity.check_refusal(answer, status, code))
    }

    pub(crate) fn check_refusal(&self, answer: &Answer, status: u16, code: &str) -> Result<(), String> {
        let problem = check_problem(answer)?;
        let found = (answer.status, problem["code"].as_str().unwrap_or_default());
        if found != (status, code) {
            return Err(format!("the answer is {} `{}`", found.0, found.1));
        }
        if problem["may_have_executed"] != Value::Bool(false) {
            return Err("`may_have_executed` is not false".to_owned());
        }
        if status == 401 {
            let scheme = answer.header("www-authenticate").unwrap_or_default();
            if !scheme.starts_with("Bearer") {
                return Err("the header www-authenticate is not Bearer".to_owned());
            }
            return self.check_for_strangers(answer);
        }
        if status == 405 && answer.header("allow").is_none() {
            return Err("the header allow is missing".to_owned());
        }
        self.check(answer)
    }

    /// An answer like another one: the status and, of a problem, the code.
    pub(crate) fn like(&self, other: Option<&Answer>) -> Expectation {
        let identity = self.clone();
        let other = other.map(|other| (other.status, other.json()["code"].clone()));
        Box::new(move |answer| {
            let other = other.ok_or("the request without the difference has no valid answer")?;
            let code = answer.json()["code"].clone();
            // An answer may have a field `code` as well.
            let differs = answer.status != other.0 || (answer.status >= 400 && code != other.1);
            match differs {
                true => Err(format!(
                    "the answer is {}, and {} without the difference",
                    answer.status, other.0
                )),
                false => identity.check(answer),
            }
        })
    }
}

/// The members that every problem has.
pub(crate) fn check_problem(answer: &Answer) -> Result<Value, String> {
    if answer.status < 400 {
        return Err(format!("the answer is {}, and not a problem", answer.status));
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    if content_type.split(';').next() != Some("application/problem+json") {
        return Err(format!("the content type of {} is `{content_type}`", answer.status));
    }
    let problem = answer.json();
    if problem["status"] != answer.status {
        return Err("the member `status` is not the HTTP status".to_owned());
    }
    for name in ["code", "title", "detail", "trace_id"] {
        if !problem[name].is_string() {
            return Err(format!("the member `{name}` is not a text"));
        }
    }
    let trace = problem["trace_id"].as_str().unwrap_or_default();
    let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    match trace.len() == 32 && trace.bytes().all(is_hex) {
        true => Ok(problem),
        false => Err(format!("`trace_id` is `{trace}`, and not 32 hexadecimal digits")),
    }
}

/// A problem that is an error of the contract: status, fields, and no member of a failure.
pub(crate) fn check_domain_error(problem: &Value, errors: &[ErrorDescription]) -> Result<(), String> {
    let code = problem["code"].as_str().unwrap_or_default();
    let Some(error) = errors.iter().find(|error| error.code == code) else {
        return Err(format!("`{code}` is not an error of the method"));
    };
    if problem["status"] != error.status {
        return Err(format!("`{code}` has not the status {}", error.status));
    }
    if problem.get("may_have_executed").is_some() {
        return Err(format!(
            "`{code}` is an error of the contract, but has the member `may_have_executed`"
        ));
    }
    for (name, schema) in &error.fields {
        let shape = offshoot_contract::Shape::from_schema(schema, &Default::default());
        crate::fit::check(&shape, &problem[name]).map_err(|reason| format!("the field `{name}`: {reason}"))?;
    }
    Ok(())
}
