//! `offshoot serve`: places the modules, listens, and stops in an order that loses nothing.

pub mod admin;
pub mod control;

#[cfg_attr(not(feature = "store"), path = "no_front.rs")]
pub mod front;

pub mod plans;
pub mod reload;
pub mod strangler;

mod connections;
mod direct;
mod gauges;
mod health;
mod metrics;
mod surfaces;
mod targets;
mod verb_fields;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use offshoot_contract::{Clock, SystemClock};
use offshoot_host::{HostOptions, Job};
use offshoot_rest::{Operators, client_tls};
use offshoot_strangler::Strangler;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::config::{Settings, ShutdownSettings};
use crate::serve::front::Front;
use crate::serve::health::Health;
use crate::serve::reload::ReloadedFiles;
use crate::serve::surfaces::{Routes, Surfaces};
use crate::wiring;

/// Serves until the process is asked to stop. A request to stop is heard from the first moment on; a second one ends the
/// process at once.
pub async fn serve_until_stopped(settings: Settings) -> anyhow::Result<()> {
    let mut requests = StopRequests::listen()?;
    let serving = tokio::select! {
        serving = Serving::start(&settings) => serving?,
        () = requests.next() => {
            eprintln!("stopped before the process was ready");
            return Ok(());
        }
    };
    requests.next().await;
    let pause = match settings.shutdown.pause {
        Duration::ZERO => String::new(),
        pause => format!("load balancers have {} s to notice, then ", pause.as_secs_f64()),
    };
    eprintln!(
        "stopping: {pause}admitted calls have {} s to end; a second signal ends the process at once",
        settings.shutdown.patience.as_secs()
    );
    let ended = tokio::select! {
        ended = serving.stop(&settings.shutdown) => ended,
        () = requests.next() => anyhow::bail!("stopped at once by a second signal: some calls may have been cut off"),
    };
    anyhow::ensure!(
        ended,
        "some calls had not ended within `shutdown.patience` and were cut off"
    );
    Ok(())
}

/// Signals that ask the process to stop.
struct StopRequests {
    interrupt: Signal,
    terminate: Signal,
}

impl StopRequests {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A process in service.
struct Serving {
    health: Arc<Health>,
    sockets: JoinHandle<()>,
    jobs: Vec<AbortOnDropHandle<()>>,
    strangler: Option<Arc<Strangler>>,
    /// The work of the strangler, which goes on until the last call has ended.
    following: Vec<AbortOnDropHandle<()>>,
}

impl Serving {
    async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let mut files = ReloadedFiles::with_hangups()?;
        let surfaces = Surfaces::bind(settings, Front::is_wanted(settings), &mut files).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let options = settings.host_options(clock)?;
        reload_credentials(settings, &options, &mut files);
        let mut wired = wiring::connect(options).await?;
        let jobs: Vec<_> = wired.jobs.drain(..).collect();
        let strangler = plans::strangler(settings, &wired)?;
        if let Some(strangler) = &strangler {
            strangler.begin().await;
        }
        let following = strangler.iter().flat_map(Strangler::jobs);
        let following = following.map(|job| AbortOnDropHandle::new(tokio::spawn(job))).collect();
        let mut hosted = std::mem::take(&mut wired.hosted);
        let operators = Arc::new(load_operators(settings)?);
        let (reloaded, path) = (Arc::clone(&operators), settings.operators_file());
        files.add("admin.operators", [path.clone()], move || Ok(reloaded.reload(&path)?));
        let front = Front::new(&wired, settings, &operators, &mut files)?;
        let url = surfaces.url();
        let contracts = hosted.iter_mut().filter_map(|module| module.routes.take());
        let contracts = contracts.fold(Router::new(), Router::merge);
        let health = Arc::new(Health::new(hosted, settings.health.clone()));
        let routes = Routes {
            front: front.routes(&url, &health),
            contracts,
            admin: operators_routes(&health, strangler.as_ref(), &operators),
            metrics: metrics::router(&health, settings),
            operators,
            health: health::router(&health),
        };

        // The main address is the first line on stdout, for scripts; the other surfaces follow.
        println!("{url}");
        for (surface, url) in surfaces.others() {
            println!("{surface} {url}");
        }
        io::stdout().flush()?;
        for module in health.modules() {
            eprintln!(
                "{}: {}, {}",
                module.name,
                module.control.placement().as_str(),
                module.location
            );
        }
        connections::tell_budgets(health.modules()).await;
        let sockets = surfaces.serve(routes, &settings.connections, health.stopping());
        let watching = AbortOnDropHandle::new(tokio::spawn(files.watch()));
        front.fill(settings, &url).await?;
        let targets: Job = Box::pin(targets::report_wrong_targets(Arc::clone(&health)));
        let jobs = jobs.into_iter().chain([targets]);
        let jobs = jobs.map(|job| AbortOnDropHandle::new(tokio::spawn(job)));
        let jobs = jobs.chain([watching]).collect();
        health.open();
        Ok(Self {
            health,
            sockets,
            jobs,
            strangler,
            following,
        })
    }

    /// Returns whether all admitted calls have ended.
    async fn stop(self, settings: &ShutdownSettings) -> bool {
        // The next start resumes unfinished jobs.
        drop(self.jobs);
        let ended = self.health.stop(self.sockets, settings).await;
        // Until its last call a process follows its plans, and steps forward wait for it.
        drop(self.following);
        if let Some(strangler) = &self.strangler {
            strangler.leave().await;
        }
        ended
    }
}

/// The routes for operators.
fn operators_routes(health: &Arc<Health>, strangler: Option<&Arc<Strangler>>, operators: &Arc<Operators>) -> Router {
    let routes = admin::router(Arc::clone(health), strangler.cloned(), operators);
    match strangler {
        Some(strangler) => routes.merge(strangler::router(Arc::clone(strangler), operators)),
        None => routes,
    }
}

/// Has the keys and the certificate for calls of other processes read again when their files change.
fn reload_credentials(settings: &Settings, options: &HostOptions, files: &mut ReloadedFiles) {
    let (keys, path) = (options.keys.clone(), settings.keys_file());
    files.add("contracts.keys", [path.clone()], move || Ok(keys.reload(&path)?));
    if let (Some(tls), Some(authority)) = (options.tls.clone(), settings.contracts.authority.clone()) {
        let own = settings.contracts.certificate();
        let paths = own.iter().flat_map(|own| [own.chain.clone(), own.key.clone()]);
        let paths: Vec<_> = paths.chain([authority.clone()]).collect();
        files.add("contracts.authority", paths, move || {
            tls.store(Arc::new(client_tls(&authority, own.as_ref())?));
            Ok(())
        });
    }
}

/// Reads the operators; creates the file if no setting names one.
pub fn load_operators(settings: &Settings) -> anyhow::Result<Operators> {
    let path = settings.operators_file();
    if settings.admin.operators.is_some() {
        return Operators::load(&path).context("admin.operators");
    }
    Ok(Operators::load_or_create(&path)?)
}
