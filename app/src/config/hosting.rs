//! Translates the settings into options of the module host.

use std::path;
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use offshoot_contract::Clock;
use offshoot_db::{DatabaseUrl, DbOptions};
use offshoot_host::{HostOptions, ModuleOptions};
use offshoot_rest::{LinkKeys, ServiceKeys, client_tls};

use super::{Isolation, ModuleSettings, Settings};

/// Placeholder for the module's name in a database URL of all modules, so that each module can log in as itself.
const MODULE: &str = "{module}";

impl Settings {
    /// Options of the host in this process. Reads the service keys; creates them if no setting names a file.
    pub fn host_options(&self, clock: Arc<dyn Clock>) -> anyhow::Result<HostOptions> {
        let tls = self.contracts.authority.as_deref();
        let tls = tls.map(|authority| client_tls(authority, self.contracts.certificate().as_ref()));
        let tls = tls.transpose().context("contracts.authority")?;
        let modules = self.modules.iter();
        let modules = modules.map(|(name, module)| Ok((name.clone(), self.module_options(name, module)?)));
        Ok(HostOptions {
            clock,
            data_dir: self.data_dir.clone(),
            keys: self.service_keys()?,
            tls: tls.map(|tls| Arc::new(ArcSwap::from_pointee(tls))),
            postgres_connections: self.postgres.connections,
            postgres_patience: self.postgres.patience,
            require_isolation: self.postgres.isolation == Isolation::Require,
            heartbeat: self.jobs.heartbeat(),
            keep_events: self.events.keep,
            max_in_flight: self.contracts.in_flight,
            candidate: self.strangler.candidate,
            modules: modules.collect::<anyhow::Result<_>>()?,
        })
    }

    fn module_options(&self, name: &str, module: &ModuleSettings) -> anyhow::Result<ModuleOptions> {
        Ok(ModuleOptions {
            placement: module.placement,
            urls: module.urls.clone(),
            zone: module.zone.clone(),
            limits: self.remote.limits(&module.policy),
            database: self.database_url(name)?,
            settings: module.own.clone(),
        })
    }

    /// The database of a module: its URL, or its SQLite file in the data directory.
    pub fn database_url(&self, module: &str) -> anyhow::Result<DatabaseUrl> {
        match self.database_of(module) {
            Some(url) => self.parse_database(&url.replace(MODULE, module)),
            // Absolute, because the location is printed.
            None => Ok(DatabaseUrl::sqlite(path::absolute(&self.data_dir).context("data_dir")?)),
        }
    }

    /// Parses a database URL. Plain text to another machine needs the reason that the settings state.
    pub fn parse_database(&self, url: &str) -> anyhow::Result<DatabaseUrl> {
        Ok(DatabaseUrl::parse(url, self.postgres.allow_plain_text.as_deref())?)
    }

    /// Options of commands that change schemas: they wait for a server that is restarting, as `serve` does.
    pub fn schema_options(&self) -> DbOptions {
        DbOptions {
            server_patience: self.postgres.patience,
            ..DbOptions::default()
        }
    }

    /// Keys shared by all processes of the store.
    fn service_keys(&self) -> anyhow::Result<ServiceKeys> {
        let path = self.keys_file();
        if self.contracts.keys.is_some() {
            return ServiceKeys::load(&path).context("contracts.keys");
        }
        ServiceKeys::load_or_create(&path).with_context(|| self.unusable_directory())
    }

    /// Keys of orders' links, shared by all processes with a public surface. Created if no setting names a file.
    pub fn link_keys(&self) -> anyhow::Result<LinkKeys> {
        let path = self.links_file();
        if self.public.links.is_some() {
            return LinkKeys::load(&path).context("public.links");
        }
        LinkKeys::load_or_create(&path).with_context(|| self.unusable_directory())
    }

    fn unusable_directory(&self) -> String {
        let directory = self.data_dir.display();
        format!("the data directory {directory} cannot be used (--data-dir DIR names another)")
    }
}
