//! `offshoot serve`: places the modules, listens, and stops in an order in which nothing is lost.

pub mod admin;
pub mod host;
pub mod jobs;
pub mod operators;
pub mod places;

pub(crate) mod store_ids;

mod health;
mod listener;

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use offshoot_contract::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use crate::config::Settings;
use crate::import::online_retail::Modules;
use crate::import::sample;
use crate::public_api::{self, PublicApi};
use crate::serve::health::Health;
use crate::serve::listener::Listener;
use crate::serve::operators::Operators;
use crate::wiring::{self, Wired};

/// Serves until the process is asked to stop.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = Listener::bind(settings.listen).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut wired = wiring::connect(&settings, clock).await?;
    let jobs: Vec<_> = wired.jobs.drain(..).collect();
    let mut placed = std::mem::take(&mut wired.placed);
    let public = public_side(&wired, &settings);
    let has_public_side = public.is_some();
    let contracts = placed.iter_mut().filter_map(|module| module.routes.take());
    // Contracts and the public side share an address only where no other machine reaches it.
    let contracts: Vec<Router> = contracts
        .filter(|_| !has_public_side || settings.listen.ip().is_loopback())
        .collect();
    let health = Arc::new(Health::new(placed));
    let mut routes = contracts
        .into_iter()
        .fold(Router::new(), Router::merge)
        .merge(health::router(&health));
    // So that operators are let in only where no other machine reaches them.
    if settings.listen.ip().is_loopback() {
        routes = routes.merge(admin::router(Arc::clone(&health), Operators::load(&settings)?));
    }
    if let Some(public) = public {
        routes = routes.merge(public_api::router(public));
    }
    let address = listener.address();
    let home = Arc::clone(&health);
    routes = routes.merge(public_api::home(address, has_public_side, move || home.modules()));

    // The address comes first on stdout, so that a script can read it and begin.
    println!("http://{address}");
    std::io::stdout().flush()?;
    for module in health.placed() {
        eprintln!("{}: {}, {}", module.name, module.place.now().as_str(), module.location);
    }
    let serving = listener.serve(routes, health.closing());
    if has_public_side {
        if let Some(modules) = importable(&wired) {
            sample::load_if_wanted(&settings, &modules).await?;
        }
        eprintln!("\nTry:\n{}", public_api::examples(address));
    }
    let jobs: Vec<_> = jobs
        .into_iter()
        .map(|job| AbortOnDropHandle::new(tokio::spawn(job)))
        .collect();
    health.open();

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    eprintln!(
        "stopping: admitted calls have {} s to end",
        settings.shutdown.patience.as_secs()
    );
    // What a job leaves behind, the next start takes up.
    drop(jobs);
    let ended = health.stop(serving, settings.shutdown.patience).await;
    anyhow::ensure!(ended, "some calls had not ended and were cut off");
    Ok(())
}

/// What the public side is made from; none if a module that it needs is off here.
#[must_use]
pub fn public_side(modules: &Wired, settings: &Settings) -> Option<PublicApi> {
    Some(PublicApi {
        catalog: modules.catalog.clone()?,
        inventory: modules.inventory.clone()?,
        carts: modules.carts.clone()?,
        orders: modules.orders.clone()?,
        currency: settings.currency,
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
    let public = public_side(modules, settings).context("a module that the public side needs is off here")?;
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
