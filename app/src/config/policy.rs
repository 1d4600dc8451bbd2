//! Parses limits for remote calls of one module, written as `in_flight=64, browse.timeout=500ms`.

use std::collections::BTreeMap;
use std::time::Duration;

use config::ValueKind;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

use offshoot_host::parse_duration;
use offshoot_rest::{ClientLimits, MethodLimits};

use super::ranges::{Range, Ranges, items};

/// Range of `timeout`, which has no setting of all modules. The contract's own limit holds in any case.
const TIMEOUT: &str = "1ms to 1h";

/// Overrides of `[remote]` for one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    in_flight: Option<usize>,
    queue_wait: Option<Duration>,
    failures: Option<u32>,
    pause: Option<Duration>,
    longest_pause: Option<Duration>,
    timeout: Option<Duration>,
    methods: BTreeMap<String, MethodLimits>,
}

impl Policy {
    /// `limits` with the overrides.
    pub(super) fn over(&self, limits: ClientLimits) -> ClientLimits {
        ClientLimits {
            in_flight: self.in_flight.unwrap_or(limits.in_flight),
            queue_wait: self.queue_wait.unwrap_or(limits.queue_wait),
            failures: self.failures.unwrap_or(limits.failures),
            pause: self.pause.unwrap_or(limits.pause),
            longest_pause: self.longest_pause.unwrap_or(limits.longest_pause),
            timeout: self.timeout,
            methods: self.methods.clone(),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut policy = Self::default();
        for entry in items(text) {
            let (name, value) = entry
                .split_once('=')
                .ok_or_else(|| format!("`{entry}` is not a valid entry: write NAME=VALUE or METHOD.NAME=VALUE"))?;
            policy
                .set(name.trim(), value.trim())
                .map_err(|why| format!("`{entry}`: {why}"))?;
        }
        Ok(policy)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || value.parse().map_err(|_| "expected a whole number");
        let duration = || parse_duration(value).ok_or("expected a whole number with ms, s, m or h, such as 500ms");
        match name.split_once('.') {
            Some((method, name)) => {
                let method = self.methods.entry(method.to_owned()).or_default();
                match name {
                    "in_flight" => method.in_flight = Some(usize::try_from(number()?).unwrap_or(usize::MAX)),
                    "timeout" => method.timeout = Some(duration()?),
                    _ => return Err("the settings of a method are `in_flight` and `timeout`".to_owned()),
                }
            }
            None => match name {
                "in_flight" => self.in_flight = Some(usize::try_from(number()?).unwrap_or(usize::MAX)),
                "failures" => self.failures = Some(number()?),
                "queue_wait" => self.queue_wait = Some(duration()?),
                "pause" => self.pause = Some(duration()?),
                "longest_pause" => self.longest_pause = Some(duration()?),
                "timeout" => self.timeout = Some(duration()?),
                _ => {
                    let known = "in_flight, queue_wait, failures, pause, longest_pause, timeout";
                    return Err(format!("the settings of a module are {known}"));
                }
            },
        }
        Ok(())
    }
}

/// Checks the values of a policy. The ranges are those of `[remote]`.
pub(super) fn check_policy(text: &str, ranges: &Ranges) -> Result<(), String> {
    let timeout = Range::parse(TIMEOUT);
    for entry in items(text) {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        let (_, name) = name.trim().rsplit_once('.').unwrap_or(("", name.trim()));
        let range = match name {
            "timeout" => timeout.as_ref(),
            _ => ranges.get(&format!("remote.{name}")),
        };
        // `Policy::parse` refuses other names.
        if let Some(range) = range {
            let value = ValueKind::String(value.trim().to_owned());
            range.check(&value).map_err(|why| format!("`{entry}`: {why}"))?;
        }
    }
    Ok(())
}

pub(super) fn policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
    Policy::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_overrides_only_the_limits_that_the_text_names() {
        assert_eq!(Policy::parse(""), Ok(Policy::default()));
        let policy = Policy::parse("in_flight=64, timeout = 2s, browse.timeout=500ms,browse.in_flight=8");
        let limits = policy.expect("a valid policy").over(ClientLimits::default());
        assert_eq!((limits.in_flight, limits.timeout), (64, Some(Duration::from_secs(2))));
        assert_eq!(limits.failures, ClientLimits::default().failures);
        let browse = &limits.methods["browse"];
        assert_eq!(
            (browse.in_flight, browse.timeout),
            (Some(8), Some(Duration::from_millis(500)))
        );
    }

    #[test]
    fn an_invalid_policy_is_refused_with_the_valid_form() {
        for (text, part) in [
            ("in_flight", "NAME=VALUE"),
            ("in_flight=many", "whole number"),
            ("timeout=2", "such as 500ms"),
            ("retries=3", "longest_pause, timeout"),
            ("browse.pause=1s", "`in_flight` and `timeout`"),
        ] {
            let error = Policy::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
