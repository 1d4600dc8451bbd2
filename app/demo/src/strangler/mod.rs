//! `offshoot demo strangler`: a module walks out of the running store in small, measured steps, and back.
//!
//! The store and the candidate are child processes. Every step goes through the admin surface of the store, as the step
//! of an operator does.

// The processes around the store.
mod candidate;
mod proxy;
// The live load.
mod browsers;
mod live;
// The steps: requests, accepted gates, display.
mod acceptance;
mod admin;
mod display;
mod pace;
mod record;
mod stage;
mod walk;
// Faults on the way.
mod incidents;
// Report.
mod report;

use std::path::Path;

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use offshoot_import::Progress as _;

pub use self::pace::Pace;
pub use self::report::StranglerReport;

use self::admin::Admin;
use self::browsers::Site;
use self::candidate::Candidate;
use self::display::Display;
use self::live::{Live, Total};
use self::proxy::Proxy;
use self::record::Record;
use self::report::Caught;
use self::walk::Walk;
use crate::children::{Child, free_address};
use crate::scene::{Modules, Scene};

/// Options of the walk.
#[derive(Debug, Clone)]
pub struct StranglerOptions {
    /// The module that walks.
    pub module: String,
    /// Callees of the module, and publishers of the events that the module handles.
    pub needs: Vec<&'static str>,
    /// Pace of the walk.
    pub pace: Pace,
    /// Whether the candidate is killed while users depend on it.
    pub chaos: bool,
    /// Share of the candidate's answers that are made wrong, above 0 and at most 1. Then the walk must end in Shadow.
    pub wrong: Option<f64>,
}

/// Walks a module out and back under load. `connect` opens a new store, with all modules in this process, in the given
/// data directory.
pub async fn strangler(
    options: &StranglerOptions,
    connect: impl FnOnce(&Path) -> BoxFuture<'static, Result<Modules>>,
) -> Result<StranglerReport> {
    let mut display = Display::for_stderr();
    let scene = Scene::open(connect, &mut display).await?;
    let address = free_address()?;
    let proxy = match options.wrong {
        Some(rate) => Some(Proxy::start(&address, &options.module, rate).await?),
        None => None,
    };
    let known_address = proxy.as_ref().map_or(&address, |proxy| &proxy.address);
    let store = scene.serve_store(&options.module, known_address).await?;
    let header = scene.children.run(&["token", "operator"]).await?;
    let admin = Admin::new(&store.url, &options.module, &header)?;
    let buyers = scene.buyers(&store).await?;
    let site = Site {
        store: store.url.clone(),
        authorization: admin.authorization().to_owned(),
        module: options.module.clone(),
        latest: buyers.latest_order(),
    };
    let live = Live::start(buyers, site).await?;
    let walk = walk(options, &scene, &address, &store, (&admin, &live), &mut display);
    let (record, caught, mut candidates) = Box::pin(walk).await?;
    display.note("all buyers and browsers end; checking the proofs");
    let total = live.stop().await?;
    let proofs = scene.prove(&total.outcomes).await?;
    let mut pids: Vec<u32> = store.id().into_iter().collect();
    pids.append(&mut candidates);
    store.stop().await?;
    let edited = proxy.as_ref().map_or(0, Proxy::edited);
    Ok(StranglerReport {
        pids,
        caught,
        edited_answers: edited,
        proofs,
        ..report(options, record, total)
    })
}

/// Walks out and back. Returns the record, the caught wrong candidate, and the ids of the candidate's processes.
async fn walk(
    options: &StranglerOptions,
    scene: &Scene,
    address: &str,
    store: &Child,
    (admin, live): (&Admin, &Live),
    display: &mut Display,
) -> Result<(Record, Option<Caught>, Vec<u32>)> {
    let tempo = options.pace.tempo();
    let (module, is_wrong) = (&options.module, options.wrong.is_some());
    let mut walk = Walk::begin(admin, live, display, tempo, is_wrong).await?;
    walk.stay(tempo.stay).await?;
    let candidate = Candidate::start(&scene.children, module, address, &options.needs, &store.url);
    let mut candidate = candidate.await?;
    walk.display.note(&format!(
        "           a second process runs {module} at {address}: the candidate"
    ));
    walk.start().await?;
    let caught = if is_wrong {
        walk.advance_to("shadow").await?;
        walk.catch().await?
    } else {
        walk.advance_to("remote").await?;
        if options.chaos {
            walk.crash(&mut candidate).await?;
        } else {
            walk.stay_with_candidate().await?;
        }
        None
    };
    walk.go_back().await?;
    let record = walk.end().await?;
    let pids = candidate.stop().await.context("the candidate does not stop")?;
    Ok((record, caught, pids))
}

/// The report, without the figures that are known only after the processes have ended.
fn report(options: &StranglerOptions, record: Record, total: Total) -> StranglerReport {
    let requests = total.requests;
    #[expect(clippy::cast_precision_loss, reason = "counts of a demonstration are small")]
    let load_rps = requests.sent as f64 / total.seconds.max(f64::EPSILON);
    StranglerReport {
        module: options.module.clone(),
        pace: options.pace.as_str(),
        requests: requests.sent,
        failed_requests: requests.failures(),
        failures: requests.failed,
        load_rps,
        pids: Vec::new(),
        comparisons: record.sum(|state| state.comparisons),
        mismatches: record.sum(|state| state.mismatches),
        writes_remote: record.writes_remote(),
        fallbacks: record.sum(|state| state.fallbacks),
        states: record.states,
        gates: record.gates,
        halts: record.halts,
        wrong: options.wrong,
        edited_answers: 0,
        caught: None,
        proofs: Vec::new(),
    }
}
