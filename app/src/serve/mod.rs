//! `offshoot serve`: places the modules, listens, and stops in an order in which nothing is lost.

pub mod admin;
pub mod host;
pub mod places;
pub mod working;

pub(crate) mod store_ids;

#[cfg_attr(not(feature = "store"), path = "no_front.rs")]
pub mod front;

mod health;
mod listener;
mod logs;
mod metrics;
mod surfaces;

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use offshoot_contract::{Clock, SystemClock};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use crate::config::Settings;
use crate::operators::Operators;
use crate::serve::front::Front;
use crate::serve::health::Health;
use crate::serve::surfaces::{Routes, Surfaces};
use crate::wiring;

/// Serves until the process is asked to stop.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let surfaces = Surfaces::bind(&settings, Front::is_wanted(&settings)).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut wired = wiring::connect(&settings, clock).await?;
    let jobs: Vec<_> = wired.jobs.drain(..).collect();
    let mut placed = std::mem::take(&mut wired.placed);
    let operators = Arc::new(Operators::load(&settings)?);
    let front = Front::of(&wired, &settings, &operators);
    let url = surfaces.url();
    let contracts = placed.iter_mut().filter_map(|module| module.routes.take());
    let contracts = contracts.fold(Router::new(), Router::merge);
    let health = Arc::new(Health::new(placed));
    let routes = Routes {
        front: front.routes(&url, &health),
        contracts,
        admin: admin::router(Arc::clone(&health), operators).merge(metrics::router(&health)),
        health: health::router(&health),
    };

    // The address comes first on stdout, so that a script can read it and begin; those for others follow.
    println!("{url}");
    for (whose, url) in surfaces.others() {
        println!("{whose} {url}");
    }
    std::io::stdout().flush()?;
    for module in health.placed() {
        eprintln!("{}: {}, {}", module.name, module.place.now().as_str(), module.location);
    }
    let serving = surfaces.serve(routes, &health.closing());
    front.fill(&settings, &url).await?;
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
