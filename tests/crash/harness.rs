//! The processes of a store, and what is done to them: killed at any moment and at named points, started again, their
//! connections cut, and the events that they hear of repeated and put out of order.

use std::time::Duration;

use offshoot_tests::{Data, FaultyProxy, MODULES, Process, free_address};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use super::tally::{Log, Tally};
use crate::journeys::replaying::QUICK;

/// Milliseconds between two disturbances.
const BETWEEN: std::ops::Range<u64> = 20..600;
/// Milliseconds that a process of several stays away.
const AWAY: std::ops::Range<u64> = 0..200;
/// Of a hundred disturbances, how many only cut connections.
const CUTS: u32 = 15;
/// Of a hundred processes that are started again, how many are to stand still at a named point and be killed there.
const ARMED: u32 = 40;
/// And of these, how many on the way of an event, if it handles any.
const HEARING: u32 = 40;
/// How long it may take to come to its point. Some are passed by few orders only.
const REACHED: Duration = Duration::from_millis(1_500);
/// What is done to the events. Of those that come alone none can be put out of order; a commit that lingers lets others
/// overtake it.
const FAULTS: &str = "duplicate=4%,reorder=30%,linger=20%";

/// Where an order's way can be broken off.
const ORDERS: [&str; 17] = [
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
    "taken-back",
    "after-refund-1",
    "before-restock-1",
    "after-restock-1",
];
/// Where an event's way can be.
const EVENTS: [&str; 3] = ["events-numbered", "events-handling", "events-handled"];

/// Where the modules run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// All in one process.
    OneProcess,
    /// What is sold; money and those who hear of orders; and the rest with the public side, which hears of what is sold.
    /// Whoever hears of a module runs in another process than it.
    ThreeWays,
}

/// Of [`Placement::ThreeWays`], what does not run with the public side.
const GOODS: [&str; 2] = ["catalog", "inventory"];
const MONEY: [&str; 3] = ["payments", "notifications", "reporting"];

/// A process that is started again where it was.
struct Seat {
    arguments: Vec<String>,
    /// On the way of an order, and of an event, as far as they lead through here.
    points: [&'static [&'static str]; 2],
    process: Option<Process>,
}

pub(super) struct Harness<'a> {
    data: &'a Data,
    /// The public side last.
    seats: Vec<Seat>,
    /// Before each process, in the same order.
    links: Vec<FaultyProxy>,
    random: StdRng,
    log: Log,
    tally: Tally,
}

/// A store that nothing is done to any more.
pub(super) struct Calm {
    pub(super) tally: Tally,
    /// The public side last.
    processes: Vec<Process>,
}

impl Calm {
    pub(super) fn front(&self) -> &Process {
        self.processes.last().expect("there is a public side")
    }

    /// Callers before callees.
    pub(super) async fn stop(self) {
        for process in self.processes.into_iter().rev() {
            process.stop().await;
        }
    }
}

impl<'a> Harness<'a> {
    pub(super) async fn start(data: &'a Data, placement: Placement, seed: u64) -> Self {
        let (seats, links) = match placement {
            Placement::OneProcess => one_process().await,
            Placement::ThreeWays => three_ways().await,
        };
        let mut harness = Self {
            data,
            seats,
            links,
            random: StdRng::seed_from_u64(seed),
            log: Log::of(data.folder()),
            tally: Tally::default(),
        };
        for seat in 0..harness.seats.len() {
            harness.serve(seat, None).await;
        }
        harness.ready().await;
        harness
    }

    /// Where buyers go.
    pub(super) fn url(&self) -> &str {
        &self.links.last().expect("there is a public side").url
    }

    pub(super) fn killed(&self) -> u32 {
        self.tally.killed
    }

    /// The number of a round that begins, from 1.
    pub(super) fn next_round(&mut self) -> u32 {
        self.tally.rounds += 1;
        self.tally.rounds
    }

    /// The public side, once it and all that it needs is ready.
    pub(super) async fn ready(&self) -> &Process {
        let front = self.front();
        front.ready().await;
        front
    }

    fn front(&self) -> &Process {
        let seat = self.seats.last().expect("there is a public side");
        seat.process.as_ref().expect("it runs")
    }

    /// Waits a moment, and does something to somebody.
    pub(super) async fn disturb(&mut self) {
        self.pause(BETWEEN).await;
        if self.random.random_range(0..100) < CUTS {
            self.tally.cuts += 1;
            self.links.iter().for_each(FaultyProxy::cut);
            return;
        }
        let victim = self.random.random_range(0..self.seats.len());
        self.kill(victim).await;
        if self.random.random_range(0..100) < ARMED {
            let [orders, events] = self.seats[victim].points;
            let hears = orders.is_empty() || self.random.random_range(0..100) < HEARING;
            let points = if hears { events } else { orders };
            let point = points[self.random.random_range(0..points.len())];
            self.serve(victim, Some(point)).await;
            if self.comes_to(point).await {
                self.tally.at_points += 1;
            }
            self.kill(victim).await;
        }
        self.serve(victim, None).await;
    }

    /// Undisturbed from here on.
    pub(super) async fn calm(mut self) -> Calm {
        self.ready().await;
        let news = self.log.news();
        self.tally.count_faults(&news);
        let processes = self.seats.into_iter().filter_map(|seat| seat.process);
        Calm {
            tally: self.tally,
            processes: processes.collect(),
        }
    }

    async fn kill(&mut self, victim: usize) {
        let process = self.seats[victim].process.take().expect("it runs");
        process.kill().await;
        self.tally.killed += 1;
        if self.seats.len() > 1 {
            self.pause(AWAY).await;
        }
    }

    /// Starts a process where it was, to stand still at a point.
    async fn serve(&mut self, seat: usize, halt_at: Option<&str>) {
        let faults = format!("seed={},{FAULTS}", self.random.random::<u32>());
        let mut environment = QUICK.to_vec();
        environment.push(("OFFSHOOT_EVENT_FAULTS", &faults));
        environment.extend(halt_at.map(|point| ("OFFSHOOT_HALT_AT", point)));
        let news = self.log.news();
        self.tally.count_faults(&news);
        let arguments: Vec<_> = self.seats[seat].arguments.iter().map(String::as_str).collect();
        self.seats[seat].process = Some(self.data.serve_with(&environment, &arguments).await);
    }

    /// Whether a process stands still there before long.
    async fn comes_to(&mut self, point: &str) -> bool {
        let give_up = Instant::now() + REACHED;
        let words = format!("halted at {point}");
        while Instant::now() < give_up {
            let news = self.log.news();
            self.tally.count_faults(&news);
            if news.contains(&words) {
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

async fn one_process() -> (Vec<Seat>, Vec<FaultyProxy>) {
    let address = free_address();
    let link = FaultyProxy::before(&address).await;
    let seat = Seat {
        arguments: listening(&address),
        points: [&ORDERS, &EVENTS],
        process: None,
    };
    (vec![seat], vec![link])
}

async fn three_ways() -> (Vec<Seat>, Vec<FaultyProxy>) {
    let addresses = [free_address(), free_address(), free_address()];
    let mut links = Vec::new();
    for address in &addresses {
        links.push(FaultyProxy::before(address).await);
    }
    let there = |modules: &[&'static str]| -> Vec<&'static str> {
        let modules = modules.iter().filter(|module| MODULES.contains(module));
        modules.copied().collect()
    };
    let (goods, money) = (there(&GOODS), there(&MONEY));
    let only = |modules: &[&str]| ["--only".to_owned(), modules.join(",")];
    let remote = |modules: &[&str], link: &FaultyProxy| -> Vec<String> {
        let each = |module: &&str| ["--remote".to_owned(), format!("{module}={}", link.url)];
        modules.iter().flat_map(each).collect()
    };
    let [goods_arguments, money_arguments, front_arguments] = [
        only(&goods).to_vec(),
        [&only(&money)[..], &remote(&["orders"], &links[2])].concat(),
        [remote(&goods, &links[0]), remote(&money, &links[1])].concat(),
    ];
    let (numbering, handling) = EVENTS.split_at(1);
    let seats = [
        (goods_arguments, [&[], numbering]),
        (money_arguments, [&[], handling]),
        (front_arguments, [&ORDERS[..], &EVENTS[..]]),
    ];
    let seats = seats
        .into_iter()
        .zip(&addresses)
        .map(|((arguments, points), address)| Seat {
            arguments: [listening(address), arguments].concat(),
            points,
            process: None,
        });
    (seats.collect(), links)
}

fn listening(address: &str) -> Vec<String> {
    ["--listen".to_owned(), address.to_owned()].to_vec()
}
