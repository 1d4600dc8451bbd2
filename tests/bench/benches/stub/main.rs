//! Cost of a call to a module in another process, compared with handwritten clients.
//!
//! Four contestants under the same load: a contract's stub with all default features, hyper-util's client, reqwest, and
//! tonic. Each server is a process of its own on loopback; all clients share the benchmark process.

use std::path::Path;
use std::time::Duration;

use crate::chassis::Stub;
use crate::grpc::Grpc;
use crate::handwritten::{HyperUtil, Reqwest};
use crate::load::{Load, Rounds};
use crate::rounds::{Spread, alternate, report};
use crate::server_process::ServerProcess;

// The contract and the contestants.
mod chassis;
mod contract;
mod grpc;
mod handwritten;
// Measurement.
#[path = "../shared/load.rs"]
mod load;
#[path = "../shared/rounds.rs"]
mod rounds;
#[path = "../shared/server_process.rs"]
mod server_process;

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(700);
/// Concurrent calls: the latency of a single caller, and a busy process.
const IN_FLIGHT: [usize; 2] = [1, 32];
/// The requested item's id, as long as a product id.
const ID: &str = "product_01h455vb4pex5vsknk084sn02q";

/// The requested resource.
#[derive(Debug, Clone, Copy)]
enum Resource {
    Item,
    List,
}

#[tokio::main]
async fn main() {
    let arguments = server_process::arguments();
    match arguments.as_deref() {
        None => measure().await,
        Some([kind, key]) if kind == "chassis" => chassis::serve(Path::new(key)).await,
        Some([kind]) if kind == "handwritten" => handwritten::serve().await,
        Some([kind]) if kind == "grpc" => grpc::serve().await,
        Some(other) => panic!("unknown server arguments: {other:?}"),
    }
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let key = folder.path().join("service.key");
    let servers = Servers {
        chassis: ServerProcess::start(&["chassis", &key.to_string_lossy()]),
        handwritten: ServerProcess::start(&["handwritten"]),
        grpc: ServerProcess::start(&["grpc"]),
    };
    println!("a call to another process (medians of {ROUNDS} rounds of {ROUND:?} each)");
    for resource in [Resource::Item, Resource::List] {
        let clients = Clients {
            ours: Stub {
                api: chassis::connect(&servers.chassis.address, &key),
                resource,
            },
            hyper: HyperUtil::new(&servers.handwritten.address, resource),
            reqwest: Reqwest::new(&servers.handwritten.address, resource),
            grpc: Grpc::new(&servers.grpc.address, resource).await,
        };
        for in_flight in IN_FLIGHT {
            clients.compare(resource, in_flight).await;
        }
    }
}

struct Servers {
    chassis: ServerProcess,
    handwritten: ServerProcess,
    grpc: ServerProcess,
}

struct Clients {
    ours: Stub,
    hyper: HyperUtil,
    reqwest: Reqwest,
    grpc: Grpc,
}

impl Clients {
    async fn compare(&self, resource: Resource, in_flight: usize) {
        let baselines = ["hyper-util + axum", "reqwest + axum", "tonic"];
        let figures: Vec<Vec<Load>> = alternate(ROUNDS, 1 + baselines.len(), async |contestant| match contestant {
            0 => load::measure(vec![self.ours.clone(); in_flight], ROUND).await,
            1 => load::measure(vec![self.hyper.clone(); in_flight], ROUND).await,
            2 => load::measure(vec![self.reqwest.clone(); in_flight], ROUND).await,
            _ => load::measure(vec![self.grpc.clone(); in_flight], ROUND).await,
        })
        .await;
        let ours = Rounds(&figures[0]);
        for (baseline, figures) in baselines.iter().zip(&figures[1..]) {
            let theirs = Rounds(figures);
            let title = format!("{resource:?}, {in_flight} in flight, {baseline}");
            report(
                &title,
                &ours,
                &theirs,
                Spread::from_ratios(ours.rates(), theirs.rates()),
            );
        }
    }
}
