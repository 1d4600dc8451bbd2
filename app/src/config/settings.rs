//! The settings as plain values, and what they must be together.
//!
//! Knows no layer: a key missing here or in `config/default.toml` is an error at every start.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use offshoot_contract::Currency;
use offshoot_rest::{Address, ClientLimits};

use super::ConfigurationError;
use super::value::{duration, list, unless_empty, word};

/// Everything that can be set. `config/default.toml` explains each.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the store answers.
    pub listen: SocketAddr,
    /// Why it may listen off loopback; none: it may not.
    #[serde(deserialize_with = "unless_empty")]
    pub allow_public_listen: Option<String>,
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
    /// For the public side.
    pub public: PublicSettings,
    /// For calls to modules in other processes.
    pub remote: RemoteSettings,
    /// Who may change where modules run.
    pub admin: AdminSettings,
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

/// For the public side.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicSettings {
    /// Requests that are carried out at once.
    pub in_flight: usize,
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
    /// A file of names and tokens; none: `operators` in the data directory.
    #[serde(deserialize_with = "unless_empty")]
    pub operators: Option<String>,
}

impl RemoteSettings {
    /// As the client takes them.
    #[must_use]
    pub fn limits(&self) -> ClientLimits {
        ClientLimits {
            in_flight: self.in_flight,
            queue_wait: self.queue_wait,
            failures: self.failures,
            pause: self.pause,
            longest_pause: self.longest_pause,
        }
    }
}

/// How the process stops.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownSettings {
    /// How long admitted calls may go on.
    #[serde(deserialize_with = "duration")]
    pub patience: Duration,
}

impl Settings {
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
        if self.remote.in_flight == 0 || self.remote.failures == 0 || self.public.in_flight == 0 {
            let why = "`public.in_flight`, `remote.in_flight` and `remote.failures` are at least 1".to_owned();
            return Err(ConfigurationError::Contradiction(why));
        }
        if !self.listen.ip().is_loopback() && self.allow_public_listen.is_none() {
            return Err(ConfigurationError::Contradiction(format!(
                "`listen` is {}, which other machines can reach, and the store has no authentication of its own: \
                 listen on 127.0.0.1, or say why it is safe with --listen-publicly-because \"...\"",
                self.listen
            )));
        }
        for (name, module) in &self.modules {
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
