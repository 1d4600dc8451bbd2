//! `offshoot serve`: places the modules, listens, and stops in an order that loses nothing.

pub mod admin;

#[cfg_attr(not(feature = "store"), path = "no_front.rs")]
pub mod front;

mod health;
mod listener;
mod metrics;
mod surfaces;

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use offshoot_contract::{Clock, SystemClock};
use offshoot_rest::Operators;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use crate::config::Settings;
use crate::serve::front::Front;
use crate::serve::health::Health;
use crate::serve::surfaces::{Routes, Surfaces};
use crate::wiring;

/// Serves until the process is asked to stop.
pub async fn serve_until_stopped(settings: Settings) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let surfaces = Surfaces::bind(&settings, Front::is_wanted(&settings)).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut wired = wiring::connect(settings.host_options(clock)?).await?;
    let jobs: Vec<_> = wired.jobs.drain(..).collect();
    let mut hosted = std::mem::take(&mut wired.hosted);
    let operators = Arc::new(load_operators(&settings)?);
    let front = Front::new(&wired, &settings, &operators)?;
    let url = surfaces.url();
    let contracts = hosted.iter_mut().filter_map(|module| module.routes.take());
    let contracts = contracts.fold(Router::new(), Router::merge);
    let health = Arc::new(Health::new(hosted));
    let routes = Routes {
        front: front.routes(&url, &health),
        contracts,
        admin: admin::router(Arc::clone(&health), operators).merge(metrics::router(&health)),
        health: health::router(&health),
    };

    // The main address is the first line on stdout, for scripts; the other surfaces follow.
    println!("{url}");
    for (surface, url) in surfaces.others() {
        println!("{surface} {url}");
    }
    std::io::stdout().flush()?;
    for module in health.modules() {
        eprintln!(
            "{}: {}, {}",
            module.name,
            module.control.placement().as_str(),
            module.location
        );
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
    // The next start resumes unfinished jobs.
    drop(jobs);
    let ended = health.stop(serving, settings.shutdown.patience).await;
    anyhow::ensure!(
        ended,
        "some calls had not ended within `shutdown.patience` and were cut off"
    );
    Ok(())
}

/// Reads the operators; creates the file if no setting names one.
pub fn load_operators(settings: &Settings) -> anyhow::Result<Operators> {
    let path = settings.operators_file();
    if settings.admin.operators.is_some() {
        return Operators::load(&path).context("admin.operators");
    }
    Ok(Operators::load_or_create(&path)?)
}
