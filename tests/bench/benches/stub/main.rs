//! What a call to a module in another process costs, over what people would write by hand.
//!
//! Four contestants, one load: a contract's stub with everything on, hyper-util's client bare, reqwest, and tonic. Each
//! server is a process of its own on loopback; all clients share this one.

use std::path::Path;
use std::time::Duration;

use crate::chassis::Stub;
use crate::grpc::Grpc;
use crate::load::{Load, Rounds};
use crate::peer::Peer;
use crate::plain::{HyperUtil, Reqwest};
use crate::rounds::{Spread, alternate, report};

// What is asked for, and the contestants.
mod chassis;
mod contract;
mod grpc;
mod plain;
// How it is measured.
#[path = "../shared/load.rs"]
mod load;
#[path = "../shared/peer.rs"]
mod peer;
#[path = "../shared/rounds.rs"]
mod rounds;

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(700);
/// Calls at the same time: what a single caller waits for, and a busy process.
const IN_FLIGHT: [usize; 2] = [1, 32];
/// The item that is asked for, as long as a product's id.
const ID: &str = "product_01h455vb4pex5vsknk084sn02q";

/// What a call asks for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Item,
    List,
}

#[tokio::main]
async fn main() {
    let arguments = peer::arguments();
    match arguments.as_deref() {
        None => measure().await,
        Some([kind, key]) if kind == "chassis" => chassis::serve(Path::new(key)).await,
        Some([kind]) if kind == "plain" => plain::serve().await,
        Some([kind]) if kind == "grpc" => grpc::serve().await,
        Some(other) => panic!("there is no server {other:?}"),
    }
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = folder.path().join("service.key");
    let servers = Servers {
        chassis: Peer::start(&["chassis", &key.to_string_lossy()]),
        plain: Peer::start(&["plain"]),
        grpc: Peer::start(&["grpc"]),
    };
    println!("a call to another process (medians of {ROUNDS} rounds of {ROUND:?} each)");
    for wanted in [Wanted::Item, Wanted::List] {
        let clients = Clients {
            ours: Stub {
                api: chassis::connect(&servers.chassis.address, &key),
                wanted,
            },
            hyper: HyperUtil::new(&servers.plain.address, wanted),
            reqwest: Reqwest::new(&servers.plain.address, wanted),
            grpc: Grpc::new(&servers.grpc.address, wanted).await,
        };
        for in_flight in IN_FLIGHT {
            clients.compare(wanted, in_flight).await;
        }
    }
}

struct Servers {
    chassis: Peer,
    plain: Peer,
    grpc: Peer,
}

struct Clients {
    ours: Stub,
    hyper: HyperUtil,
    reqwest: Reqwest,
    grpc: Grpc,
}

impl Clients {
    async fn compare(&self, wanted: Wanted, in_flight: usize) {
        let baselines = ["hyper-util + axum", "reqwest + axum", "tonic"];
        let figures: Vec<Vec<Load>> = alternate(ROUNDS, 1 + baselines.len(), async |contestant| match contestant {
            0 => load::run(vec![self.ours.clone(); in_flight], ROUND).await,
            1 => load::run(vec![self.hyper.clone(); in_flight], ROUND).await,
            2 => load::run(vec![self.reqwest.clone(); in_flight], ROUND).await,
            _ => load::run(vec![self.grpc.clone(); in_flight], ROUND).await,
        })
        .await;
        let ours = Rounds(&figures[0]);
        for (baseline, figures) in baselines.iter().zip(&figures[1..]) {
            let theirs = Rounds(figures);
            let what = format!("{wanted:?}, {in_flight} in flight, {baseline}");
            report(&what, &ours, &theirs, Spread::of_ratios(ours.rates(), theirs.rates()));
        }
    }
}
