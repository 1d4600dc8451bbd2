//! `offshoot serve`: places the modules, listens, and stops in an order in which nothing is lost.

pub mod host;

pub(crate) mod store_ids;

mod health;
mod listener;

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use offshoot_contract::{Clock, SystemClock};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Settings;
use crate::public_api::{self, PublicApi};
use crate::serve::health::Health;
use crate::serve::listener::Listener;
use crate::wiring::{self, Wired};

/// Serves until the process is asked to stop.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = Listener::bind(settings.listen).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let Wired {
        catalog,
        carts,
        mut placed,
    } = wiring::connect(&settings, clock).await?;

    let public = catalog.as_ref().zip(carts);
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
    if let Some((catalog, carts)) = public {
        let currency = settings.currency;
        routes = routes.merge(public_api::router(PublicApi {
            catalog: Arc::clone(catalog),
            carts,
            currency,
        }));
    }
    let address = listener.address();
    let home = Arc::clone(&health);
    routes = routes.merge(public_api::home(address, has_public_side, move || home.modules()));

    // The address comes first on stdout, so that a script can read it and begin.
    println!("http://{address}");
    std::io::stdout().flush()?;
    for module in health.placed() {
        eprintln!(
            "{}: {}, {}",
            module.name,
            (module.placement)().as_str(),
            module.location
        );
    }
    let serving = listener.serve(routes, health.closing());
    if has_public_side && let Some(catalog) = catalog {
        crate::import::sample::load_if_wanted(&settings, catalog).await?;
        eprintln!("\nTry:\n{}", public_api::examples(address));
    }
    health.open();

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    eprintln!(
        "stopping: admitted calls have {} s to end",
        settings.shutdown.patience.as_secs()
    );
    let ended = health.stop(serving, settings.shutdown.patience).await;
    anyhow::ensure!(ended, "some calls had not ended and were cut off");
    Ok(())
}
