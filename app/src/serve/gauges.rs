//! Gauges of the modules' data, of calls that wait, and of certificates. A look costs a few bounded statements, and scrapes
//! within a few seconds share one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use offshoot_contract::{CallFailure, Clock as _, SystemClock, Timestamp};
use offshoot_db::PoolUse;
use offshoot_host::{HostedModule, ModuleData};
use offshoot_outbox::SubscriptionGauges;
use offshoot_rest::certificate_expiry;
use offshoot_saga::SagaGauges;
use offshoot_telemetry::Gauge;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::Settings;

/// How long the figures from databases and files are reused.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// Gauges without values: name, meaning, whether the values are seconds. The RUNBOOK explains each.
const FAMILIES: [(&str, &str, bool); 14] = [
    ("subscription_lag", "Positions behind the end of the log", false),
    (
        "subscription_parked",
        "Events that are retried or wait behind another",
        false,
    ),
    (
        "subscription_dead_letters",
        "Events whose attempts are exhausted",
        false,
    ),
    ("subscription_held", "Partitions that wait for an operator", false),
    (
        "subscription_oldest_age",
        "Age of the oldest event that is not handled",
        true,
    ),
    ("sagas_open", "Sagas that have not ended", false),
    ("sagas_stuck", "Sagas that wait for an operator", false),
    ("writable", "1 if the module can write its data, else 0", false),
    ("pool_size", "Largest number of connections of a pool", false),
    ("pool_in_use", "Connections in use", false),
    ("pool_idle", "Open connections that nobody uses", false),
    ("pool_waiting", "Callers that wait for a connection", false),
    (
        "remote_waiting",
        "Calls to other processes that wait for a permit",
        false,
    ),
    ("certificate_expiry", "Time until a certificate expires", true),
];

type Labels = Vec<(&'static str, String)>;
type Samples = BTreeMap<&'static str, Vec<(Labels, i64)>>;

/// Collects gauges.
pub(super) struct Gauges {
    /// Files of certificates by the name of their setting.
    certificates: Vec<(&'static str, PathBuf)>,
    latest: Mutex<Option<(Instant, Samples)>>,
}

impl Gauges {
    pub(super) fn new(settings: &Settings) -> Self {
        let certificates = [
            ("public.certificate", &settings.public.certificate),
            ("contracts.certificate", &settings.contracts.certificate),
            ("contracts.authority", &settings.contracts.authority),
        ];
        let certificates = certificates.into_iter();
        Self {
            certificates: certificates
                .filter_map(|(name, file)| Some((name, file.clone()?)))
                .collect(),
            latest: Mutex::default(),
        }
    }

    /// All gauges. A figure that a database does not give in time is left out.
    pub(super) async fn collect(&self, modules: &[HostedModule]) -> Vec<Gauge> {
        let mut samples = {
            let mut latest = self.latest.lock().await;
            match &*latest {
                Some((at, samples)) if at.elapsed() < FRESH_FOR => samples.clone(),
                _ => {
                    let samples = self.look(modules).await;
                    *latest = Some((Instant::now(), samples.clone()));
                    samples
                }
            }
        };
        for module in modules {
            add_memory(&mut samples, module);
        }
        let families = FAMILIES.into_iter();
        families
            .map(|(name, help, is_seconds)| Gauge {
                name,
                help,
                is_seconds,
                samples: samples.remove(name).unwrap_or_default(),
            })
            .collect()
    }

    /// Asks databases and files.
    async fn look(&self, modules: &[HostedModule]) -> Samples {
        let here = modules
            .iter()
            .filter_map(|module| Some((module.name, module.data.as_ref()?)));
        let looks = join_all(here.map(async |(module, data)| look_at_module(module, data).await));
        let certificates = self.certificates.clone();
        // Reads files.
        let expiries = tokio::task::spawn_blocking(move || expiries(&certificates));
        let (looks, expiries) = tokio::join!(looks, expiries);
        let mut samples = expiries.unwrap_or_default();
        for (name, more) in looks.into_iter().flatten() {
            samples.entry(name).or_default().extend(more);
        }
        samples
    }
}

async fn look_at_module(module: &'static str, data: &ModuleData) -> Samples {
    let (subscriptions, sagas) = tokio::join!(data.subscriptions(), data.sagas());
    let mut samples = Samples::new();
    for gauges in found(module, subscriptions) {
        add_subscription(&mut samples, module, &gauges, data.now());
    }
    for SagaGauges { kind, open, stuck } in found(module, sagas) {
        let labels = vec![("module", module.to_owned()), ("saga", kind)];
        add(&mut samples, "sagas_open", labels.clone(), open);
        add(&mut samples, "sagas_stuck", labels, stuck);
    }
    let can_write = data.write_failure().is_none();
    add(
        &mut samples,
        "writable",
        vec![("module", module.to_owned())],
        can_write.into(),
    );
    samples
}

fn found<T>(module: &str, looked: Result<Vec<T>, CallFailure>) -> Vec<T> {
    looked.unwrap_or_else(|failure| {
        tracing::debug!(module, %failure, "figures are missing in the metrics");
        Vec::new()
    })
}

fn add_subscription(samples: &mut Samples, module: &str, gauges: &SubscriptionGauges, now: Timestamp) {
    let labels = vec![
        ("module", module.to_owned()),
        ("subscription", gauges.subscription.to_owned()),
        ("publisher", gauges.publisher.to_owned()),
    ];
    if let Some(lag) = gauges.lag {
        add(samples, "subscription_lag", labels.clone(), lag);
    }
    let age = gauges.oldest_at.map_or(0, |oldest| seconds(oldest, now));
    add(samples, "subscription_parked", labels.clone(), gauges.parked);
    add(
        samples,
        "subscription_dead_letters",
        labels.clone(),
        gauges.dead_letters,
    );
    add(samples, "subscription_held", labels.clone(), gauges.held_partitions);
    add(samples, "subscription_oldest_age", labels, age.max(0));
}

/// Adds figures that cost nothing: they are of this moment.
fn add_memory(samples: &mut Samples, module: &HostedModule) {
    let own = vec![("module", module.name.to_owned())];
    add(samples, "remote_waiting", own.clone(), module.control.waiting().into());
    for pool in module.data.iter().flat_map(ModuleData::pools) {
        let PoolUse {
            pool,
            size,
            in_use,
            idle,
            waiting,
        } = pool;
        let labels = || own.iter().cloned().chain([("pool", pool.to_owned())]).collect();
        add(samples, "pool_size", labels(), size.into());
        add(samples, "pool_in_use", labels(), in_use.into());
        add(samples, "pool_idle", labels(), idle.into());
        add(samples, "pool_waiting", labels(), waiting.into());
    }
}

fn expiries(certificates: &[(&'static str, PathBuf)]) -> Samples {
    let mut samples = Samples::new();
    for (setting, file) in certificates {
        if let Some(left) = time_left(file) {
            add(
                &mut samples,
                "certificate_expiry",
                vec![("setting", (*setting).to_owned())],
                left,
            );
        }
    }
    samples
}

/// Seconds until the certificates in a file expire; negative afterwards. `None` for an unreadable file.
fn time_left(file: &Path) -> Option<i64> {
    match certificate_expiry(file) {
        Ok(expiry) => Some(seconds(SystemClock.now(), expiry)),
        Err(error) => {
            tracing::debug!(file = %file.display(), %error, "the expiry of a certificate is missing in the metrics");
            None
        }
    }
}

fn seconds(from: Timestamp, until: Timestamp) -> i64 {
    (until.as_micros() - from.as_micros()) / 1_000_000
}

fn add(samples: &mut Samples, name: &'static str, labels: Labels, value: i64) {
    samples.entry(name).or_default().push((labels, value));
}
