//! Fault harness for the processes of a store: kills at random moments and at named points, restarts, cut connections,
//! and duplicated and reordered events.

use std::time::Duration;

use offshoot_tests::{Data, FaultyProxy, MODULES, Process, free_address};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use super::tally::{LogReader, Tally};
use crate::journeys::replay::FAST_RECOVERY;

/// Milliseconds between two faults.
const PAUSE_MS: std::ops::Range<u64> = 20..600;
/// Milliseconds that a killed process stays down. Applies only to stores of several processes.
const DOWNTIME_MS: std::ops::Range<u64> = 0..200;
/// Percentage of faults that only cut connections.
const CUT_PERCENT: u32 = 15;
/// Percentage of kills after which the victim restarts with a named point to halt at, and is killed there.
const HALT_PERCENT: u32 = 40;
/// Percentage of these named points that lie in event handling, for victims that handle events.
const EVENT_POINT_PERCENT: u32 = 40;
/// Timeout for reaching the named point. Only few orders pass some of the points.
const HALT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Faults of event delivery. A single event cannot be reordered, so commits linger to let other commits overtake.
const EVENT_FAULTS: &str = "duplicate=4%,reorder=30%,linger=20%";

/// Named points of an order's saga.
const ORDER_POINTS: [&str; 17] = [
    "placed",
    "before-reserve",
    "after-reserve",
    "before-authorize",
    "after-authorize",
    "confirmed",
    "before-ship",
    "after-ship",
    "before-capture",
    "after-capture",
    "finished",
    "before-release",
    "after-release",
    "return-decided",
    "after-refund-1",
    "before-restock-1",
    "after-restock-1",
];
/// Named points of event handling.
const EVENT_POINTS: [&str; 3] = ["events-numbered", "events-handling", "events-handled"];

/// The processes that the modules run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// Every module in one process.
    OneProcess,
    /// Catalog and inventory; payments and the subscribers of orders; the remaining modules with the public surface. Each
    /// subscriber runs in another process than the publisher.
    ThreeProcesses,
}

/// Modules of the two processes of [`Placement::ThreeProcesses`] without public surface.
const STOCK_MODULES: [&str; 2] = ["catalog", "inventory"];
const PAYMENT_MODULES: [&str; 3] = ["payments", "notifications", "reporting"];

/// A process that is restarted with the same arguments at the same address.
struct ProcessSlot {
    arguments: Vec<String>,
    /// Named points that this process passes: of orders, and of events.
    points: [&'static [&'static str]; 2],
    process: Option<Process>,
}

pub(super) struct Harness<'a> {
    data: &'a Data,
    /// The public surface comes last.
    slots: Vec<ProcessSlot>,
    /// One proxy in front of each process, in the same order.
    proxies: Vec<FaultyProxy>,
    random: StdRng,
    log: LogReader,
    tally: Tally,
}

/// A running store after the last fault.
pub(super) struct UndisturbedStore {
    pub(super) tally: Tally,
    /// The public surface comes last.
    processes: Vec<Process>,
}

impl UndisturbedStore {
    pub(super) fn front(&self) -> &Process {
        self.processes.last().expect("the store has a public surface")
    }

    /// Stops callers before callees.
    pub(super) async fn stop(self) {
        for process in self.processes.into_iter().rev() {
            process.stop().await;
        }
    }
}

impl<'a> Harness<'a> {
    pub(super) async fn start(data: &'a Data, placement: Placement, seed: u64) -> Self {
        let (slots, proxies) = match placement {
            Placement::OneProcess => one_process().await,
            Placement::ThreeProcesses => three_processes().await,
        };
        let mut harness = Self {
            data,
            slots,
            proxies,
            random: StdRng::seed_from_u64(seed),
            log: LogReader::new(data.folder()),
            tally: Tally::default(),
        };
        for slot in 0..harness.slots.len() {
            harness.serve(slot, None).await;
        }
        harness.wait_until_ready().await;
        harness
    }

    /// The URL of the public surface, behind a proxy.
    pub(super) fn url(&self) -> &str {
        &self.proxies.last().expect("the store has a public surface").url
    }

    pub(super) fn killed(&self) -> u32 {
        self.tally.killed
    }

    /// Starts the next round and returns the round's number, from 1.
    pub(super) fn next_round(&mut self) -> u32 {
        self.tally.rounds += 1;
        self.tally.rounds
    }

    /// Waits until the public surface and every module that the public surface calls are ready. Returns the public surface.
    pub(super) async fn wait_until_ready(&self) -> &Process {
        let front = self.front();
        front.wait_until_ready().await;
        front
    }

    fn front(&self) -> &Process {
        let slot = self.slots.last().expect("the store has a public surface");
        slot.process.as_ref().expect("the process runs")
    }

    /// Waits for a random time, then cuts all connections or kills a random process.
    pub(super) async fn inject_fault(&mut self) {
        self.pause(PAUSE_MS).await;
        if self.random.random_range(0..100) < CUT_PERCENT {
            self.tally.cuts += 1;
            self.proxies.iter().for_each(FaultyProxy::cut_connections);
            return;
        }
        let victim = self.random.random_range(0..self.slots.len());
        self.kill(victim).await;
        if self.random.random_range(0..100) < HALT_PERCENT {
            let [orders, events] = self.slots[victim].points;
            let at_event = orders.is_empty() || self.random.random_range(0..100) < EVENT_POINT_PERCENT;
            let points = if at_event { events } else { orders };
            let point = points[self.random.random_range(0..points.len())];
            self.serve(victim, Some(point)).await;
            if self.reaches(point).await {
                self.tally.at_points += 1;
            }
            self.kill(victim).await;
        }
        self.serve(victim, None).await;
    }

    /// Ends the faults and returns the running store.
    pub(super) async fn stop_faults(mut self) -> UndisturbedStore {
        self.wait_until_ready().await;
        let lines = self.log.read_new_lines();
        self.tally.count_faults(&lines);
        let processes = self.slots.into_iter().filter_map(|slot| slot.process);
        UndisturbedStore {
            tally: self.tally,
            processes: processes.collect(),
        }
    }

    async fn kill(&mut self, victim: usize) {
        let process = self.slots[victim].process.take().expect("the process runs");
        process.kill().await;
        self.tally.killed += 1;
        if self.slots.len() > 1 {
            self.pause(DOWNTIME_MS).await;
        }
    }

    /// Starts the process of a slot, optionally with a named point to halt at.
    async fn serve(&mut self, slot: usize, halt_at: Option<&str>) {
        let faults = format!("seed={},{EVENT_FAULTS}", self.random.random::<u32>());
        let mut environment = FAST_RECOVERY.to_vec();
        environment.push(("OFFSHOOT_EVENT_FAULTS", &faults));
        environment.extend(halt_at.map(|point| ("OFFSHOOT_HALT_AT", point)));
        let lines = self.log.read_new_lines();
        self.tally.count_faults(&lines);
        let arguments: Vec<_> = self.slots[slot].arguments.iter().map(String::as_str).collect();
        self.slots[slot].process = Some(self.data.serve_with(&environment, &arguments).await);
    }

    /// Waits until a process has halted at `point`. Returns false after [`HALT_TIMEOUT`].
    async fn reaches(&mut self, point: &str) -> bool {
        let give_up = Instant::now() + HALT_TIMEOUT;
        let words = format!("halted at {point}");
        while Instant::now() < give_up {
            let lines = self.log.read_new_lines();
            self.tally.count_faults(&lines);
            if lines.contains(&words) {
                return true;
            }
            sleep(Duration::from_millis(10)).await;
        }
        false
    }

    async fn pause(&mut self, range: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.random.random_range(range))).await;
    }
}

async fn one_process() -> (Vec<ProcessSlot>, Vec<FaultyProxy>) {
    let address = free_address();
    let proxy = FaultyProxy::in_front_of(&address).await;
    let slot = ProcessSlot {
        arguments: listen_arguments(&address),
        points: [&ORDER_POINTS, &EVENT_POINTS],
        process: None,
    };
    (vec![slot], vec![proxy])
}

async fn three_processes() -> (Vec<ProcessSlot>, Vec<FaultyProxy>) {
    let addresses = [free_address(), free_address(), free_address()];
    let mut proxies = Vec::new();
    for address in &addresses {
        proxies.push(FaultyProxy::in_front_of(address).await);
    }
    let existing = |modules: &[&'static str]| -> Vec<&'static str> {
        let modules = modules.iter().filter(|module| MODULES.contains(module));
        modules.copied().collect()
    };
    let (stock_modules, payment_modules) = (existing(&STOCK_MODULES), existing(&PAYMENT_MODULES));
    let only = |modules: &[&str]| ["--only".to_owned(), modules.join(",")];
    let remote = |modules: &[&str], proxy: &FaultyProxy| -> Vec<String> {
        let each = |module: &&str| ["--remote".to_owned(), format!("{module}={}", proxy.url)];
        modules.iter().flat_map(each).collect()
    };
    let [stock_arguments, payment_arguments, front_arguments] = [
        only(&stock_modules).to_vec(),
        [&only(&payment_modules)[..], &remote(&["orders"], &proxies[2])].concat(),
        [
            remote(&stock_modules, &proxies[0]),
            remote(&payment_modules, &proxies[1]),
        ]
        .concat(),
    ];
    let (publishing, handling) = EVENT_POINTS.split_at(1);
    let slots = [
        (stock_arguments, [&[], publishing]),
        (payment_arguments, [&[], handling]),
        (front_arguments, [&ORDER_POINTS[..], &EVENT_POINTS[..]]),
    ];
    let slots = slots
        .into_iter()
        .zip(&addresses)
        .map(|((arguments, points), address)| ProcessSlot {
            arguments: [listen_arguments(address), arguments].concat(),
            points,
            process: None,
        });
    (slots.collect(), proxies)
}

fn listen_arguments(address: &str) -> Vec<String> {
    ["--listen".to_owned(), address.to_owned()].to_vec()
}
