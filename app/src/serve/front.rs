//! The public side of a process, if all modules that it needs are known here.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::config::{ModulePlacement, Settings};
use crate::import::online_retail::Modules;
use crate::import::sample;
use crate::operators::Operators;
use crate::public_api::{self, ModuleInfo, PublicApi};
use crate::serve::health::Health;
use crate::topology::PUBLIC;
use crate::wiring::{self, Wired};

/// What a process serves to anybody.
pub(super) struct Front {
    public: Option<PublicApi>,
    importable: Option<Modules>,
    /// Whether anybody may learn the addresses of other processes: not where other machines ask.
    shows_addresses: bool,
}

impl Front {
    pub(super) fn of(modules: &Wired, settings: &Settings, operators: &Arc<Operators>) -> Self {
        Self {
            public: public_side(modules, settings, operators),
            importable: importable(modules),
            shows_addresses: settings.listen.ip().is_loopback(),
        }
    }

    /// Whether there will be a public side, before any module is opened.
    pub(super) fn is_wanted(settings: &Settings) -> bool {
        let built: Vec<_> = wiring::schemas().iter().map(|schema| schema.module).collect();
        let is_known = |name: &&str| {
            let module = settings.modules.get(*name);
            module.is_some_and(|module| {
                module.placement != ModulePlacement::Off && (built.contains(name) || !module.urls.is_empty())
            })
        };
        PUBLIC.iter().all(is_known)
    }

    fn is_open(&self) -> bool {
        self.public.is_some()
    }

    pub(super) fn routes(&self, url: &str, health: &Arc<Health>) -> Router {
        let (health, shows_addresses) = (Arc::clone(health), self.shows_addresses);
        let modules = move || {
            let hidden = |module| ModuleInfo { url: None, ..module };
            let modules = health.modules().into_iter();
            modules
                .map(|module| if shows_addresses { module } else { hidden(module) })
                .collect()
        };
        let home = public_api::home(url, self.is_open(), modules);
        match &self.public {
            Some(public) => home.merge(public_api::router(public.clone())),
            None => home,
        }
    }

    /// Fills an empty catalog, where that is wanted, and says what to try.
    pub(super) async fn fill(&self, settings: &Settings, url: &str) -> anyhow::Result<()> {
        if !self.is_open() {
            return Ok(());
        }
        if let Some(modules) = &self.importable {
            sample::load_if_wanted(settings, modules).await?;
        }
        eprintln!("\nTry:\n{}", public_api::examples(url));
        Ok(())
    }
}

/// What the public side is made from; none if a module that it needs is off here.
#[must_use]
pub fn public_side(modules: &Wired, settings: &Settings, operators: &Arc<Operators>) -> Option<PublicApi> {
    Some(PublicApi {
        catalog: modules.catalog.clone()?,
        inventory: modules.inventory.clone()?,
        carts: modules.carts.clone()?,
        orders: modules.orders.clone()?,
        storefront: modules.storefront.clone()?,
        notifications: modules.notifications.clone()?,
        reporting: modules.reporting.clone()?,
        currency: settings.currency,
        operators: Arc::clone(operators),
        in_flight: settings.public.in_flight,
        traced: settings.telemetry.sample,
    })
}

/// What an importer of invoices fills; none if a part of it is off here.
#[must_use]
pub fn importable(modules: &Wired) -> Option<Modules> {
    Some(Modules {
        catalog: modules.catalog.clone()?,
        inventory: modules.inventory.clone()?,
        orders: modules.orders.clone()?,
    })
}

/// A public side in this process, at a free loopback port, for as long as this lives.
pub struct Served {
    /// Where it answers.
    pub url: String,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// Serves the public side of these modules and starts what they do by themselves. None if a module is off here.
pub async fn in_this_process(modules: &mut Wired, settings: &Settings) -> anyhow::Result<Served> {
    let nobody = Arc::new(Operators::nobody());
    let public = public_side(modules, settings, &nobody).context("a module that the public side needs is off here")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = async move {
        if let Err(error) = axum::serve(listener, public_api::router(public)).await {
            tracing::error!(%error, "the public side has ended");
        }
    };
    let jobs = modules
        .jobs
        .drain(..)
        .map(|job| AbortOnDropHandle::new(tokio::spawn(job)));
    let serving = AbortOnDropHandle::new(tokio::spawn(serving));
    Ok(Served {
        url,
        _tasks: jobs.chain([serving]).collect(),
    })
}
