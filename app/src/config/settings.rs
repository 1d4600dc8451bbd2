//! The settings as plain values, and what they must be together.
//!
//! Knows no layer: a key missing here or in `config/default.toml` is an error at every start.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use offshoot_contract::Currency;
use offshoot_jobs::Pace;
use offshoot_rest::{Address, Certificate, ClientLimits};

use super::ConfigurationError;
use super::policy::{Policy, policy};
use super::value::{duration, list, unless_empty, word};

/// Everything that can be set. `config/default.toml` explains each.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the store answers.
    pub listen: SocketAddr,
    /// Why it may listen off loopback without TLS; none: it may not.
    #[serde(deserialize_with = "unless_empty")]
    pub allow_plain_text: Option<String>,
    /// Where SQLite files and checkpoints are kept.
    pub data_dir: PathBuf,
    /// Postgres URL for all modules; none: SQLite. May hold a password.
    #[serde(deserialize_with = "unless_empty")]
    pub database: Option<String>,
    /// Whether an empty catalog is filled with the sample.
    #[serde(deserialize_with = "word")]
    pub sample: Sample,
    /// Of new carts and imported prices.
    pub currency: Currency,
    /// By module name.
    pub modules: BTreeMap<String, ModuleSettings>,
    /// For modules that keep their data in Postgres.
    pub postgres: PostgresSettings,
    /// For the carts module.
    pub carts: CartsSettings,
    /// For the payments module.
    pub payments: PaymentsSettings,
    /// For the orders module.
    pub orders: OrdersSettings,
    /// For work that one of several processes does.
    pub jobs: JobsSettings,
    /// For events.
    pub events: EventsSettings,
    /// For the public side.
    pub public: PublicSettings,
    /// For calls to modules in other processes.
    pub remote: RemoteSettings,
    /// For the surface that other processes call modules at, and for calls of theirs.
    pub contracts: ContractsSettings,
    /// Who may change where modules run.
    pub admin: AdminSettings,
    /// What the process tells of its calls.
    pub telemetry: TelemetrySettings,
    /// How the process stops.
    pub shutdown: ShutdownSettings,
}

/// Where a module runs and keeps its data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSettings {
    /// Who executes its calls.
    #[serde(deserialize_with = "word")]
    pub placement: ModulePlacement,
    /// Processes that serve it, or may be asked to: `http://host:port`, `zone=http://host:port`.
    #[serde(deserialize_with = "list")]
    pub urls: Vec<Address>,
    /// What holds for calls of it in other processes, beside `[remote]`.
    #[serde(deserialize_with = "policy")]
    pub policy: Policy,
    /// Addresses in this zone are called as long as one of them answers.
    #[serde(deserialize_with = "unless_empty")]
    pub zone: Option<String>,
    /// Postgres URL of this module alone.
    #[serde(deserialize_with = "unless_empty")]
    pub database: Option<String>,
}

/// Who executes a module's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModulePlacement {
    /// This process.
    Local,
    /// This process, through the module's REST encoding and back.
    Encoded,
    /// Another process.
    Remote,
    /// Nobody; nothing here may need it.
    Off,
}

/// Whether an empty catalog is filled with the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sample {
    /// Where the catalog runs here and keeps its data in the data directory.
    Auto,
    /// Whenever the catalog is empty.
    Yes,
    /// Never.
    No,
}

/// For modules that keep their data in Postgres.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSettings {
    /// Most connections of this process.
    pub connections: u32,
    /// What becomes of a login that could reach more than its module's data.
    #[serde(deserialize_with = "word")]
    pub isolation: Isolation,
}

/// What becomes of a login to Postgres that could reach more than its module's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// It is used, with a warning.
    Warn,
    /// It is refused.
    Require,
}

/// For the carts module.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CartsSettings {
    /// How long a cart lives after it was last touched.
    #[serde(deserialize_with = "duration")]
    pub time_to_live: Duration,
}

/// For the payments module.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentsSettings {
    /// How long the provider may take to answer one question.
    #[serde(deserialize_with = "duration")]
    pub provider_timeout: Duration,
}

/// For the orders module.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersSettings {
    /// How long an execution that says nothing is left alone.
    #[serde(deserialize_with = "duration")]
    pub lease: Duration,
    /// How long goods are promised to an order that is not confirmed.
    #[serde(deserialize_with = "duration")]
    pub reservation: Duration,
    /// How often interrupted orders are looked for.
    #[serde(deserialize_with = "duration")]
    pub sweep_every: Duration,
}

/// For work that one of several processes does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsSettings {
    /// How long a process that says nothing is waited for before its work is taken over.
    #[serde(deserialize_with = "duration")]
    pub silence: Duration,
}

impl JobsSettings {
    /// A quarter of the silence between two signs of life, so that one that is lost does no harm.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace {
            beat: self.silence / 4,
            silence: self.silence,
        }
    }
}

/// For events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsSettings {
    /// How long events are kept at least.
    #[serde(deserialize_with = "duration")]
    pub keep: Duration,
}

/// For the public side.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicSettings {
    /// Requests that are carried out at once.
    pub in_flight: usize,
    /// What the public side shows: PEM; none: it speaks plain HTTP.
    #[serde(deserialize_with = "unless_empty")]
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate.
    #[serde(deserialize_with = "unless_empty")]
    pub key: Option<PathBuf>,
}

/// For the contracts of modules, on both sides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractsSettings {
    /// Where they are served; none: at `listen`, where that is fit.
    #[serde(deserialize_with = "unless_empty")]
    pub listen: Option<SocketAddr>,
    /// Calls of one module that are executed for others at once.
    pub in_flight: usize,
    /// The file of the service keys; none: `service.key` in the data directory.
    #[serde(deserialize_with = "unless_empty")]
    pub keys: Option<PathBuf>,
    /// What this process shows to those that call it, and to those that it calls: PEM.
    #[serde(deserialize_with = "unless_empty")]
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate.
    #[serde(deserialize_with = "unless_empty")]
    pub key: Option<PathBuf>,
    /// Who has to have signed the certificates of the others.
    #[serde(deserialize_with = "unless_empty")]
    pub authority: Option<PathBuf>,
}

/// What the process tells of its calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// The collector that takes OTLP over HTTP; none: spans are not sent.
    #[serde(deserialize_with = "unless_empty")]
    pub otlp: Option<String>,
    /// The share of requests that are traced, 0 to 1, beside those that come with a sampled trace.
    pub sample: f64,
    /// The name of this process among others.
    pub service: String,
}

/// For calls to modules in other processes. [`ClientLimits`] explains each.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSettings {
    /// Calls under way at once, to one module.
    pub in_flight: usize,
    /// How long a call waits for its turn.
    #[serde(deserialize_with = "duration")]
    pub queue_wait: Duration,
    /// Failed calls in a row after which an address is left alone.
    pub failures: u32,
    /// For how long, at first.
    #[serde(deserialize_with = "duration")]
    pub pause: Duration,
    /// For how long at most.
    #[serde(deserialize_with = "duration")]
    pub longest_pause: Duration,
}

/// Who may change where modules run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    /// Where operators are let in; none: at `listen`, where that is a loopback address.
    #[serde(deserialize_with = "unless_empty")]
    pub listen: Option<SocketAddr>,
    /// A file of names and tokens; none: `operators` in the data directory.
    #[serde(deserialize_with = "unless_empty")]
    pub operators: Option<PathBuf>,
}

/// How the process stops.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownSettings {
    /// How long admitted calls may go on.
    #[serde(deserialize_with = "duration")]
    pub patience: Duration,
}

impl RemoteSettings {
    /// As the client of a module with this policy takes them.
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
    /// What the public side shows, if it has a certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        pair(self.certificate.as_ref(), self.key.as_ref())
    }
}

impl ContractsSettings {
    /// What this process shows to other processes, if it has a certificate.
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
    /// Whether other machines reach this process.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        let addresses = [Some(self.listen), self.contracts.listen, self.admin.listen];
        addresses
            .into_iter()
            .flatten()
            .any(|address| !address.ip().is_loopback())
    }

    /// Where operators are let in.
    #[must_use]
    pub fn admin_url(&self) -> String {
        let (address, encrypted) = match self.admin.listen {
            Some(address) => (address, self.contracts.certificate.is_some()),
            None => (self.listen, self.public.certificate.is_some()),
        };
        format!("http{}://{address}", if encrypted { "s" } else { "" })
    }

    /// The file of the service keys.
    #[must_use]
    pub fn keys_file(&self) -> PathBuf {
        let own = self.contracts.keys.clone();
        own.unwrap_or_else(|| self.data_dir.join("service.key"))
    }

    /// The file of the operators.
    #[must_use]
    pub fn operators_file(&self) -> PathBuf {
        let own = self.admin.operators.clone();
        own.unwrap_or_else(|| self.data_dir.join("operators"))
    }

    /// The Postgres URL of a module; none: its SQLite file in the data directory.
    #[must_use]
    pub fn database_of(&self, module: &str) -> Option<&str> {
        let own = self
            .modules
            .get(module)
            .and_then(|settings| settings.database.as_deref());
        own.or(self.database.as_deref())
    }

    pub(super) fn check(&self) -> Result<(), ConfigurationError> {
        if self.contracts.in_flight == 0
            || self.remote.in_flight == 0
            || self.remote.failures == 0
            || self.public.in_flight == 0
        {
            let why =
                "`public.in_flight`, `contracts.in_flight`, `remote.in_flight` and `remote.failures` are at least 1"
                    .to_owned();
            return Err(ConfigurationError::Contradiction(why));
        }
        if !(0.0..=1.0).contains(&self.telemetry.sample) {
            let why = format!("`telemetry.sample` is {}: it is a share, 0 to 1", self.telemetry.sample);
            return Err(ConfigurationError::Contradiction(why));
        }
        for (surface, certificate, key) in [
            ("public", &self.public.certificate, &self.public.key),
            ("contracts", &self.contracts.certificate, &self.contracts.key),
        ] {
            if certificate.is_some() != key.is_some() {
                let why = format!("`{surface}.certificate` and `{surface}.key` go together: one of them is not set");
                return Err(ConfigurationError::Contradiction(why));
            }
        }
        for (name, module) in &self.modules {
            let encrypted = module.urls.iter().find(|url| url.is_encrypted());
            if let (Some(url), None) = (encrypted, &self.contracts.authority) {
                return Err(ConfigurationError::Contradiction(format!(
                    "{name} is called at {url}, but `contracts.authority` does not say who has to have signed its certificate"
                )));
            }
            if module.placement == ModulePlacement::Remote && module.urls.is_empty() {
                return Err(ConfigurationError::Contradiction(format!(
                    "`modules.{name}.placement` is remote, but `modules.{name}.urls` does not say where: \
                     give --remote {name}=http://HOST:PORT"
                )));
            }
        }
        Ok(())
    }
}
