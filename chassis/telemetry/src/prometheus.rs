//! Metrics of a process in the OpenMetrics text format, for Prometheus.

use std::fmt::Error;
use std::time::Duration;

use offshoot_contract::{PathCounts, Placement};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

/// Media type of the OpenMetrics text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Snapshot of a process's call metrics.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Calls by caller, callee, method and placement.
    pub paths: Vec<PathCounts>,
    /// Current placement of each module.
    pub placements: Vec<(&'static str, Placement)>,
    /// The remote processes that this process calls.
    pub endpoints: Vec<EndpointCounts>,
    /// Further gauges, which the application names.
    pub gauges: Vec<Gauge>,
}

/// A gauge with its present values.
#[derive(Debug, Clone)]
pub struct Gauge {
    /// Name without prefix and unit.
    pub name: &'static str,
    /// The meaning.
    pub help: &'static str,
    /// Whether the values are seconds.
    pub is_seconds: bool,
    /// Values by labels.
    pub samples: Vec<(Vec<(&'static str, String)>, i64)>,
}

/// Metrics of one remote process.
#[derive(Debug)]
pub struct EndpointCounts {
    /// The module that the process serves.
    pub module: &'static str,
    /// Scheme, host and port.
    pub url: String,
    /// Calls sent to the process.
    pub calls: u64,
    /// Calls in flight.
    pub in_flight: u32,
    /// The circuit breaker has ejected the process after failed calls.
    pub ejected: bool,
    /// State of the circuit: one of [`CIRCUITS`].
    pub circuit: &'static str,
}

/// States of a circuit.
const CIRCUITS: [&str; 3] = ["closed", "half-open", "open"];

impl Metrics {
    /// Encodes the snapshot as OpenMetrics text.
    #[must_use]
    pub fn into_text(self) -> String {
        let mut registry = Registry::with_prefix("offshoot");
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }

    fn calls(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Ended calls by caller, callee, method, placement and outcome: ok, domain-error for an error of the \
                    module's own, or the kind of failure";
        let mut calls = encoder.encode_descriptor("calls", help, None, MetricType::Counter)?;
        for path in &self.paths {
            for (outcome, count) in path.outcomes.iter().filter(|(_, count)| *count > 0) {
                let [caller, callee, method, placement] = labels(path);
                let labels = [caller, callee, method, placement, ("outcome", *outcome)];
                counter(&mut calls.encode_family(&labels)?, *count)?;
            }
        }
        Ok(())
    }

    fn durations(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Duration of calls, repeats included";
        let unit = Unit::Seconds;
        let mut durations = encoder.encode_descriptor("call_duration", help, Some(&unit), MetricType::Histogram)?;
        for path in &self.paths {
            let bound = |bound: Option<Duration>| bound.map_or(f64::MAX, |bound| bound.as_secs_f64());
            let buckets: Vec<_> = (path.latency.iter())
                .map(|(until, count)| (bound(*until), *count))
                .collect();
            let (sum, count) = (path.total.as_secs_f64(), path.calls());
            let labels = labels(path);
            let mut family = durations.encode_family(&labels)?;
            family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    /// Encodes the sizes of payloads as a histogram. `sizes` returns the number of measured payloads and their total bytes.
    fn payloads(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help): (&str, &str),
        sizes: fn(&PathCounts) -> (u64, u64),
    ) -> Result<(), Error> {
        let unit = Unit::Bytes;
        let mut payloads = encoder.encode_descriptor(name, help, Some(&unit), MetricType::Histogram)?;
        for path in self.paths.iter().filter(|path| sizes(path).0 > 0) {
            let (count, bytes) = sizes(path);
            let labels = labels(path);
            let mut family = payloads.encode_family(&labels)?;
            family.encode_histogram::<NoLabelSet>(bytes as f64, count, &[(f64::MAX, count)], None)?;
        }
        Ok(())
    }

    fn placements(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "1 for the current placement of a module, 0 for the others";
        let mut placements = encoder.encode_descriptor("placement", help, None, MetricType::Gauge)?;
        for (module, now) in &self.placements {
            for placement in Placement::ALL {
                let labels = [("module", *module), ("placement", placement.as_str())];
                gauge(&mut placements.encode_family(&labels)?, i64::from(placement == *now))?;
            }
        }
        Ok(())
    }

    fn endpoints(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Calls sent to a remote process";
        let mut calls = encoder.encode_descriptor("endpoint_calls", help, None, MetricType::Counter)?;
        for endpoint in &self.endpoints {
            let labels = [("module", endpoint.module), ("url", &endpoint.url)];
            counter(&mut calls.encode_family(&labels)?, endpoint.calls)?;
        }
        let help = "Calls in flight to a remote process";
        let mut in_flight = encoder.encode_descriptor("endpoint_in_flight", help, None, MetricType::Gauge)?;
        for endpoint in &self.endpoints {
            let labels = [("module", endpoint.module), ("url", &endpoint.url)];
            gauge(&mut in_flight.encode_family(&labels)?, endpoint.in_flight.into())?;
        }
        let help = "1 if the circuit breaker has ejected a remote process after failed calls, else 0";
        let mut ejected = encoder.encode_descriptor("endpoint_ejected", help, None, MetricType::Gauge)?;
        for endpoint in &self.endpoints {
            let labels = [("module", endpoint.module), ("url", &endpoint.url)];
            gauge(&mut ejected.encode_family(&labels)?, endpoint.ejected.into())?;
        }
        let help = "1 for the current circuit state of a remote process, 0 for the others";
        let mut circuits = encoder.encode_descriptor("endpoint_circuit", help, None, MetricType::Gauge)?;
        for endpoint in &self.endpoints {
            for state in CIRCUITS {
                let labels = [("module", endpoint.module), ("url", &endpoint.url), ("state", state)];
                gauge(
                    &mut circuits.encode_family(&labels)?,
                    (state == endpoint.circuit).into(),
                )?;
            }
        }
        Ok(())
    }

    fn gauges(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        for Gauge {
            name,
            help,
            is_seconds,
            samples,
        } in &self.gauges
        {
            let unit = is_seconds.then_some(Unit::Seconds);
            let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            for (labels, value) in samples {
                gauge(&mut family.encode_family(&labels.as_slice())?, *value)?;
            }
        }
        Ok(())
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.calls(&mut encoder)?;
        self.durations(&mut encoder)?;
        let requests = (
            "call_request",
            "Size of arguments as JSON, sampled from one call in 64 of every placement",
        );
        self.payloads(&mut encoder, requests, |path| path.requests)?;
        let answers = (
            "call_answer",
            "Size of answers as JSON, sampled from one call in 64 of every placement",
        );
        self.payloads(&mut encoder, answers, |path| path.answers)?;
        self.placements(&mut encoder)?;
        self.endpoints(&mut encoder)?;
        self.gauges(&mut encoder)
    }
}

fn labels(path: &PathCounts) -> [(&'static str, &'static str); 4] {
    [
        ("caller", path.caller),
        ("callee", path.callee),
        ("method", path.method),
        ("placement", path.placement.as_str()),
    ]
}

fn counter(encoder: &mut MetricEncoder<'_>, value: u64) -> Result<(), Error> {
    encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn gauge(encoder: &mut MetricEncoder<'_>, value: i64) -> Result<(), Error> {
    encoder.encode_gauge(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_a_path_is_exported() {
        let metrics = Metrics {
            paths: vec![PathCounts {
                caller: "public",
                callee: "notes",
                method: "note",
                placement: Placement::Remote,
                outcomes: vec![("ok", 3), ("domain-error", 0), ("timeout", 1)],
                latency: vec![
                    (Some(Duration::from_micros(1)), 0),
                    (Some(Duration::from_micros(512)), 3),
                    (None, 1),
                ],
                total: Duration::from_millis(1_500),
                requests: (2, 40),
                answers: (1, 100),
            }],
            placements: vec![("notes", Placement::Remote)],
            endpoints: vec![EndpointCounts {
                module: "notes",
                url: "http://127.0.0.1:7101".to_owned(),
                calls: 4,
                in_flight: 2,
                ejected: true,
                circuit: "half-open",
            }],
            gauges: vec![Gauge {
                name: "oldest",
                help: "Age",
                is_seconds: true,
                samples: vec![(vec![("module", "notes".to_owned())], 7)],
            }],
        };
        let text = metrics.into_text();
        let path = r#"caller="public",callee="notes",method="note",placement="remote""#;
        for line in [
            format!("offshoot_calls_total{{{path},outcome=\"ok\"}} 3"),
            format!("offshoot_calls_total{{{path},outcome=\"timeout\"}} 1"),
            format!("offshoot_call_duration_seconds_sum{{{path}}} 1.5"),
            format!("offshoot_call_duration_seconds_count{{{path}}} 4"),
            format!("offshoot_call_duration_seconds_bucket{{le=\"0.000512\",{path}}} 3"),
            format!("offshoot_call_duration_seconds_bucket{{le=\"+Inf\",{path}}} 4"),
            format!("offshoot_call_request_bytes_sum{{{path}}} 40.0"),
            format!("offshoot_call_answer_bytes_count{{{path}}} 1"),
            "offshoot_placement{module=\"notes\",placement=\"remote\"} 1".to_owned(),
            "offshoot_placement{module=\"notes\",placement=\"local\"} 0".to_owned(),
            "offshoot_endpoint_calls_total{module=\"notes\",url=\"http://127.0.0.1:7101\"} 4".to_owned(),
            "offshoot_endpoint_circuit{module=\"notes\",url=\"http://127.0.0.1:7101\",state=\"half-open\"} 1"
                .to_owned(),
            "offshoot_endpoint_circuit{module=\"notes\",url=\"http://127.0.0.1:7101\",state=\"open\"} 0".to_owned(),
            "offshoot_oldest_seconds{module=\"notes\"} 7".to_owned(),
            "offshoot_endpoint_ejected{module=\"notes\",url=\"http://127.0.0.1:7101\"} 1".to_owned(),
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\nis not in\n{text}");
        }
        assert!(!text.contains("outcome=\"domain-error\""), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
