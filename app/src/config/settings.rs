//! Settings as plain values, and rules between them.
//!
//! Knows no layer and no range. A key missing here or in `config/default.toml` is an error at every start.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use offshoot_contract::{Currency, ServerUrl};
use offshoot_host::{ModulePlacement, deserialize_duration};
use offshoot_jobs::HeartbeatTiming;
use offshoot_rest::{Address, Certificate, ClientLimits};

use super::ConfigurationError;
use super::policy::{Policy, policy};
use super::value::{list, number_or_auto, unless_empty, word};

/// All settings. `config/default.toml` documents each.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the public surface.
    pub listen: SocketAddr,
    /// Directory of SQLite files and checkpoints.
    pub data_dir: PathBuf,
    /// Postgres URL of all modules; `None`: SQLite. May contain a password.
    #[serde(deserialize_with = "unless_empty")]
    pub database: Option<String>,
    /// Whether an empty catalog gets the sample.
    #[serde(deserialize_with = "word")]
    pub sample: Sample,
    /// Currency of new carts and imported prices.
    pub currency: Currency,
    /// Further currencies that the store sells in.
    #[serde(deserialize_with = "list")]
    pub currencies: Vec<Currency>,
    /// Settings of each module, by name.
    pub modules: BTreeMap<String, ModuleSettings>,
    /// Modules with data in Postgres.
    pub postgres: PostgresSettings,
    /// Background jobs.
    pub jobs: JobsSettings,
    /// Events.
    pub events: EventsSettings,
    /// Connections of clients.
    pub connections: ConnectionsSettings,
    /// Readiness.
    pub health: HealthSettings,
    /// The public surface.
    pub public: PublicSettings,
    /// Calls to modules in other processes.
    pub remote: RemoteSettings,
    /// The contracts surface, and calls to the contracts surfaces of other processes.
    pub contracts: ContractsSettings,
    /// The admin surface.
    pub admin: AdminSettings,
    /// Strangler migrations.
    pub strangler: StranglerSettings,
    /// Metrics and traces.
    pub telemetry: TelemetrySettings,
    /// Stopping the process.
    pub shutdown: ShutdownSettings,
}

/// Placement and data of a module.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSettings {
    /// Where calls are executed.
    #[serde(deserialize_with = "word")]
    pub placement: ModulePlacement,
    /// Addresses of processes that serve the module: `http://host:port`,
    /// `http://host:port#zone=zone`.
    #[serde(deserialize_with = "list")]
    pub urls: Vec<Address>,
    /// Limits of remote calls, over `[remote]`.
    #[serde(deserialize_with = "policy")]
    pub policy: Policy,
    /// Zone of this process: addresses in the zone are called while one of them answers.
    #[serde(deserialize_with = "unless_empty")]
    pub zone: Option<String>,
    /// Postgres URL of this module alone.
    #[serde(deserialize_with = "unless_empty")]
    pub database: Option<String>,
    /// The table with the module's name, whose keys only the module knows.
    #[serde(skip)]
    pub own: serde_json::Value,
}

/// Whether an empty catalog gets the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sample {
    /// If the catalog runs here with its data in the data directory.
    Auto,
    /// If the catalog is empty.
    Yes,
    /// Never.
    No,
}

/// Modules with data in Postgres.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSettings {
    /// Reason for plain text to a server on another machine; `None` forbids it.
    #[serde(deserialize_with = "unless_empty")]
    pub allow_plain_text: Option<String>,
    /// Time for which a start waits for a server that is restarting.
    #[serde(deserialize_with = "deserialize_duration")]
    pub patience: Duration,
    /// Largest number of connections of this process; `None`: a fair share.
    #[serde(deserialize_with = "number_or_auto")]
    pub connections: Option<u32>,
    /// Treatment of a login that reaches more than its module's data.
    #[serde(deserialize_with = "word")]
    pub isolation: Isolation,
}

/// Treatment of a Postgres login that reaches more than its module's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// The login is used, with a warning.
    Warn,
    /// The login is refused.
    Require,
}

/// Background jobs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsSettings {
    /// Time without a heartbeat after which another process takes the jobs over.
    #[serde(deserialize_with = "deserialize_duration")]
    pub silence: Duration,
}

impl JobsSettings {
    /// Timing of the heartbeat. Four heartbeats fit into the silence, so one lost heartbeat does no harm.
    #[must_use]
    pub fn heartbeat(&self) -> HeartbeatTiming {
        HeartbeatTiming {
            interval: self.silence / 4,
            timeout: self.silence,
        }
    }
}

/// Events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsSettings {
    /// Minimum age of removed events.
    #[serde(deserialize_with = "deserialize_duration")]
    pub keep: Duration,
}

/// Connections of clients, for each listening socket.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionsSettings {
    /// Largest number of open connections.
    pub total: usize,
    /// Largest number of open connections of one peer.
    pub per_peer: usize,
}

/// Readiness.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthSettings {
    /// Modules in other processes without which this process is unready; `*` names all.
    #[serde(deserialize_with = "list")]
    pub needs: Vec<String>,
}

impl HealthSettings {
    /// Whether this process is unready while the module, in another process, is away.
    #[must_use]
    pub fn is_needed(&self, module: &str) -> bool {
        self.needs.iter().any(|name| name == "*" || name == module)
    }
}

/// The public surface.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicSettings {
    /// Whether anyone may read reports, and not operators only.
    pub open_reports: bool,
    /// File of the link keys; `None`: `link.key` in the data directory.
    #[serde(deserialize_with = "unless_empty")]
    pub links: Option<PathBuf>,
    /// Largest number of requests in flight.
    pub in_flight: usize,
    /// Certificate chain, PEM; `None`: plain HTTP.
    #[serde(deserialize_with = "unless_empty")]
    pub certificate: Option<PathBuf>,
    /// Private key of the certificate.
    #[serde(deserialize_with = "unless_empty")]
    pub key: Option<PathBuf>,
    /// Reason for serving this surface off loopback without TLS; `None` forbids it.
    #[serde(deserialize_with = "unless_empty")]
    pub allow_plain_text: Option<String>,
}

/// Contracts, on both sides of a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractsSettings {
    /// Address of the contracts surface; `None`: the main address, where that is safe.
    #[serde(deserialize_with = "unless_empty")]
    pub listen: Option<SocketAddr>,
    /// Largest number of calls that one module executes for other processes at once.
    pub in_flight: usize,
    /// File of the service keys; `None`: `service.key` in the data directory.
    #[serde(deserialize_with = "unless_empty")]
    pub keys: Option<PathBuf>,
    /// Certificate chain that this process presents as server and as client, PEM.
    #[serde(deserialize_with = "unless_empty")]
    pub certificate: Option<PathBuf>,
    /// Private key of the certificate.
    #[serde(deserialize_with = "unless_empty")]
    pub key: Option<PathBuf>,
    /// Authority that must have signed the certificates of other processes.
    #[serde(deserialize_with = "unless_empty")]
    pub authority: Option<PathBuf>,
    /// Reason for serving this surface off loopback without TLS; `None` forbids it.
    #[serde(deserialize_with = "unless_empty")]
    pub allow_plain_text: Option<String>,
}

/// Metrics and traces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Collector of spans (OTLP over HTTP); `None`: spans are not sent.
    #[serde(deserialize_with = "unless_empty")]
    pub otlp: Option<ServerUrl>,
    /// Share of traced requests, 0 to 1, beside requests with a sampled trace.
    pub sample: f64,
    /// Name of this process in traces.
    pub service: String,
}

/// Calls to modules in other processes. [`ClientLimits`] documents each limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSettings {
    /// Largest number of calls in flight to one module.
    pub in_flight: usize,
    /// How long a call waits for a permit.
    #[serde(deserialize_with = "deserialize_duration")]
    pub queue_wait: Duration,
    /// Consecutive failures that eject an address.
    pub failures: u32,
    /// First ejection time.
    #[serde(deserialize_with = "deserialize_duration")]
    pub pause: Duration,
    /// Longest ejection time.
    #[serde(deserialize_with = "deserialize_duration")]
    pub longest_pause: Duration,
}

/// The admin surface.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    /// Address of the admin surface; `None`: the main address, if that is a loopback address.
    #[serde(deserialize_with = "unless_empty")]
    pub listen: Option<SocketAddr>,
    /// File of operators' names and tokens; `None`: `operators` in the data directory.
    #[serde(deserialize_with = "unless_empty")]
    pub operators: Option<PathBuf>,
    /// Reason for serving this surface off loopback without TLS; `None` forbids it.
    #[serde(deserialize_with = "unless_empty")]
    pub allow_plain_text: Option<String>,
}

/// Strangler migrations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StranglerSettings {
    /// Whether this process offers its modules as candidates: no background work before a plan allows some.
    pub candidate: bool,
}

/// Stopping the process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownSettings {
    /// Pause between the end of readiness and the closing of the sockets.
    #[serde(deserialize_with = "deserialize_duration")]
    pub pause: Duration,
    /// Time limit for admitted calls.
    #[serde(deserialize_with = "deserialize_duration")]
    pub patience: Duration,
}

impl RemoteSettings {
    /// Limits for the client of a module with this policy.
    #[must_use]
    pub fn limits(&self, policy: &Policy) -> ClientLimits {
        policy.over(ClientLimits {
            in_flight: self.in_flight,
            queue_wait: self.queue_wait,
            failures: self.failures,
            pause: self.pause,
            longest_pause: self.longest_pause,
            ..ClientLimits::default()
        })
    }
}

impl PublicSettings {
    /// Certificate of the public surface.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        pair(self.certificate.as_ref(), self.key.as_ref())
    }
}

impl ContractsSettings {
    /// Certificate for other processes.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        pair(self.certificate.as_ref(), self.key.as_ref())
    }
}

fn pair(chain: Option<&PathBuf>, key: Option<&PathBuf>) -> Option<Certificate> {
    Some(Certificate {
        chain: chain?.clone(),
        key: key?.clone(),
    })
}

impl Settings {
    /// Whether other machines can reach this process.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        let addresses = [Some(self.listen), self.contracts.listen, self.admin.listen];
        addresses
            .into_iter()
            .flatten()
            .any(|address| !address.ip().is_loopback())
    }

    /// URL of the admin surface.
    #[must_use]
    pub fn admin_url(&self) -> String {
        let (address, encrypted) = match self.admin.listen {
            Some(address) => (address, self.contracts.certificate.is_some()),
            None => (self.listen, self.public.certificate.is_some()),
        };
        format!("http{}://{address}", if encrypted { "s" } else { "" })
    }

    /// Every currency that the store sells in, that of new carts first.
    #[must_use]
    pub fn all_currencies(&self) -> Vec<Currency> {
        let further = self.currencies.iter().copied();
        let further = further.filter(|further| *further != self.currency);
        [self.currency].into_iter().chain(further).collect()
    }

    /// File of the service keys.
    #[must_use]
    pub fn keys_file(&self) -> PathBuf {
        let own = self.contracts.keys.clone();
        own.unwrap_or_else(|| self.data_dir.join("service.key"))
    }

    /// File of the link keys.
    #[must_use]
    pub fn links_file(&self) -> PathBuf {
        let own = self.public.links.clone();
        own.unwrap_or_else(|| self.data_dir.join("link.key"))
    }

    /// File of the operators.
    #[must_use]
    pub fn operators_file(&self) -> PathBuf {
        let own = self.admin.operators.clone();
        own.unwrap_or_else(|| self.data_dir.join("operators"))
    }

    /// Postgres URL of a module; `None`: a SQLite file in the data directory.
    #[must_use]
    pub fn database_of(&self, module: &str) -> Option<&str> {
        let own = self
            .modules
            .get(module)
            .and_then(|settings| settings.database.as_deref());
        own.or(self.database.as_deref())
    }

    pub(super) fn check(&self) -> Result<(), ConfigurationError> {
        let unknown = self.health.needs.iter();
        if let Some(name) = unknown
            .filter(|name| *name != "*")
            .find(|name| !self.modules.contains_key(*name))
        {
            let why = format!("`health.needs` names `{name}`, which is not a module: name modules, or give *");
            return Err(ConfigurationError::Contradiction(why));
        }
        for (surface, certificate, key) in [
            ("public", &self.public.certificate, &self.public.key),
            ("contracts", &self.contracts.certificate, &self.contracts.key),
        ] {
            if certificate.is_some() != key.is_some() {
                let why = format!("`{surface}.certificate` and `{surface}.key` go together: set both or none");
                return Err(ConfigurationError::Contradiction(why));
            }
        }
        if let (Some(authority), None) = (&self.contracts.authority, &self.contracts.certificate) {
            let why = format!(
                "`contracts.authority` is {}, but `contracts.certificate` is not set: processes of an authority show each other \
                 certificates, so give this process one with its key, or leave out the authority",
                authority.display()
            );
            return Err(ConfigurationError::Contradiction(why));
        }
        for (name, module) in &self.modules {
            let limits = self.remote.limits(&module.policy);
            if limits.pause > limits.longest_pause {
                return Err(ConfigurationError::Contradiction(format!(
                    "the first ejection time of {name} is {:?}, longer than the longest, {:?}: lower `remote.pause` or \
                     raise `remote.longest_pause`, or the same names in `modules.{name}.policy`",
                    limits.pause, limits.longest_pause
                )));
            }
            let encrypted = module.urls.iter().find(|url| url.is_encrypted());
            if let (Some(url), None) = (encrypted, &self.contracts.authority) {
                return Err(ConfigurationError::Contradiction(format!(
                    "{name} is called at {url}, but `contracts.authority` is not set: name the PEM file of the authority that \
                     signed the certificate there"
                )));
            }
            if module.placement == ModulePlacement::Remote && module.urls.is_empty() {
                return Err(ConfigurationError::Contradiction(format!(
                    "`modules.{name}.placement` is remote, but `modules.{name}.urls` is empty: \
                     give --remote {name}=http://HOST:PORT"
                )));
            }
        }
        Ok(())
    }
}
