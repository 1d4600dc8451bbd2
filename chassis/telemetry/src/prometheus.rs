//! The counts of a process in the OpenMetrics text format, which Prometheus reads.

use std::fmt::Error;
use std::time::Duration;

use offshoot_contract::{PathCounts, Placement};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is known of the calls of a process, at one moment.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Who called what, and where it ran.
    pub paths: Vec<PathCounts>,
    /// Where the calls of each module run now.
    pub placements: Vec<(&'static str, Placement)>,
    /// The processes that are called.
    pub endpoints: Vec<EndpointCounts>,
}

/// What is known of one process that is called.
#[derive(Debug)]
pub struct EndpointCounts {
    /// The module that it serves.
    pub module: &'static str,
    /// Scheme, host and port.
    pub url: String,
    /// Calls sent there.
    pub calls: u64,
    /// Calls under way.
    pub in_flight: u32,
    /// Left alone for a while, because its calls fail.
    pub left_alone: bool,
}

impl Metrics {
    /// The text.
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
        let help = "Calls that ended, by caller, callee, where they ran and how they ended: ok, answer for an error of \
                    the module's own, or the kind of failure";
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
        let help = "How long calls took, repeats included";
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

    /// `sizes` are the measured calls and their bytes.
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
        let help = "1 where the calls of a module run now, 0 elsewhere";
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
        let help = "Calls sent to a process";
        let mut calls = encoder.encode_descriptor("endpoint_calls", help, None, MetricType::Counter)?;
        for endpoint in &self.endpoints {
            let labels = [("module", endpoint.module), ("url", &endpoint.url)];
            counter(&mut calls.encode_family(&labels)?, endpoint.calls)?;
        }
        let help = "Calls to a process that are under way";
        let mut in_flight = encoder.encode_descriptor("endpoint_in_flight", help, None, MetricType::Gauge)?;
        for endpoint in &self.endpoints {
            let labels = [("module", endpoint.module), ("url", &endpoint.url)];
            gauge(&mut in_flight.encode_family(&labels)?, endpoint.in_flight.into())?;
        }
        let help = "1 where a process is left alone for a while, because its calls fail";
        let mut left_alone = encoder.encode_descriptor("endpoint_left_alone", help, None, MetricType::Gauge)?;
        for endpoint in &self.endpoints {
            let labels = [("module", endpoint.module), ("url", &endpoint.url)];
            gauge(&mut left_alone.encode_family(&labels)?, endpoint.left_alone.into())?;
        }
        Ok(())
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.calls(&mut encoder)?;
        self.durations(&mut encoder)?;
        let requests = ("call_request", "Arguments as JSON, of one call in 64, wherever it ran");
        self.payloads(&mut encoder, requests, |path| path.requests)?;
        let answers = ("call_answer", "Answers as JSON, of one call in 64, wherever it ran");
        self.payloads(&mut encoder, answers, |path| path.answers)?;
        self.placements(&mut encoder)?;
        self.endpoints(&mut encoder)
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
    fn a_path_is_told_whole() {
        let metrics = Metrics {
            paths: vec![PathCounts {
                caller: "public",
                callee: "notes",
                method: "note",
                placement: Placement::Remote,
                outcomes: vec![("ok", 3), ("answer", 0), ("timeout", 1)],
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
                left_alone: true,
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
            "offshoot_endpoint_left_alone{module=\"notes\",url=\"http://127.0.0.1:7101\"} 1".to_owned(),
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\nis not in\n{text}");
        }
        assert!(!text.contains("outcome=\"answer\""), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
