//! Cost of clients that only hold connections: memory of the process, and latency of another client.
//!
//! The baseline is the same process without such clients. Needs file descriptors: `ulimit -n 10000`.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::connection::Connection;
use crate::memory::child_megabytes;
use crate::rounds::{Spread, alternate};
use crate::store::{Binary, Store};
use crate::store_process::StoreProcess;

#[path = "shared/connection.rs"]
mod connection;
#[path = "shared/memory.rs"]
mod memory;
#[path = "shared/rounds.rs"]
mod rounds;
#[path = "shared/store.rs"]
mod store;
#[path = "shared/store_process.rs"]
mod store_process;

const ROUNDS: usize = 5;
/// Requests of the measured client in a round.
const REQUESTS: usize = 1_000;
/// Pause between two bytes of a dripping body.
const DRIP: Duration = Duration::from_secs(1);
/// Begin of a request whose body drips in.
const HEAD: &str =
    "POST /api/v1/carts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n";

/// What the other clients do.
#[derive(Clone, Copy)]
enum Others {
    None,
    Idle(usize),
    Dripping(usize),
}

impl Others {
    const ALL: [(Self, &'static str); 3] = [
        (Self::None, "no others"),
        (Self::Idle(4_096), "4,096 idle"),
        (Self::Dripping(1_024), "1,024 dripping"),
    ];

    /// Opens the connections, and lets bodies drip until the task is aborted.
    async fn begin(self, address: &str) -> JoinHandle<()> {
        let (count, head) = match self {
            Self::None => (0, ""),
            Self::Idle(count) => (count, ""),
            Self::Dripping(count) => (count, HEAD),
        };
        let mut sockets = Vec::with_capacity(count);
        for _ in 0..count {
            let mut socket = TcpStream::connect(address)
                .await
                .expect("file descriptors are left: ulimit -n 10000");
            socket.write_all(head.as_bytes()).await.expect("the server reads");
            sockets.push(socket);
        }
        tokio::spawn(async move {
            loop {
                sleep(DRIP).await;
                if !head.is_empty() {
                    for socket in &mut sockets {
                        // The time limit of a body ends connections.
                        let _ = socket.write_all(b" ").await;
                    }
                }
            }
        })
    }
}

struct Figures {
    megabytes: f64,
    p50: f64,
    p99: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let binary = Binary::build();
    let store = Store::empty(None);
    let mut command = binary.command(&store, &["serve", "--listen", "127.0.0.1:0", "--sample", "yes"]);
    command.env("OFFSHOOT__CONNECTIONS__PER_PEER", "8192");
    command.env("OFFSHOOT__CONNECTIONS__TOTAL", "8192");
    let process = StoreProcess::spawn(&mut command);
    process.wait_until_ready();
    let figures = alternate(ROUNDS, Others::ALL.len(), async |contestant| {
        measure(&process, Others::ALL[contestant].0).await
    })
    .await;
    println!("GET of a product beside other connections, {ROUNDS} rounds of {REQUESTS} requests");
    for ((_, name), rounds) in Others::ALL.iter().zip(&figures) {
        let values = |figure: fn(&Figures) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
        let alone: Vec<_> = figures[0].iter().map(|figures| figures.p99).collect();
        println!(
            "{name:16} | {:.1} MB | p50 {:.2} ms | p99 {:.2} ms | p99 by no others {:.2}",
            Spread::from_values(values(|figures| figures.megabytes)),
            Spread::from_values(values(|figures| figures.p50)),
            Spread::from_values(values(|figures| figures.p99)),
            Spread::from_ratios(values(|figures| figures.p99), alone),
        );
    }
}

async fn measure(process: &StoreProcess, others: Others) -> Figures {
    let mut client = Connection::open(&process.address).await;
    let page = client.get_json("/api/v1/products?page_size=1").await;
    let path = format!("/api/v1/products/{}", page["items"][0]["id"].as_str().expect("an id"));
    let others = others.begin(&process.address).await;
    let mut took = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let begin = Instant::now();
        client.get(&path).await;
        took.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    let megabytes = child_megabytes(&process.child, "VmRSS").expect("the process runs");
    others.abort();
    Figures {
        megabytes,
        p50: took[REQUESTS / 2],
        p99: took[REQUESTS * 99 / 100],
    }
}
