//! Cost of a whole read, `GET /api/v1/products/{id}` in the real binary, compared with the same read through sqlx in a
//! handwritten axum handler.
//!
//! The store's request passes the public API and then, once for the product and once for the availability, a switch, an
//! edge, a module and a database. The baselines read both in one statement. Each server is a process of its own on
//! loopback; all servers read the same data.

use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::load::{Caller, Rounds};
use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};
use crate::server_process::ServerProcess;
use crate::store::{Binary, Store};
use crate::store_process::StoreProcess;

// The baselines.
mod baseline;
// Measurement.
#[path = "../shared/connection.rs"]
mod connection;
#[path = "../shared/load.rs"]
mod load;
#[path = "../shared/rounds.rs"]
mod rounds;
#[path = "../shared/server_process.rs"]
mod server_process;
// The measured store.
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/store.rs"]
mod store;
#[path = "../shared/store_process.rs"]
mod store_process;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(1_000);
const CONNECTIONS: usize = 32;
const PRODUCTS: &str = "/api/v1/products";

/// A caller that requests one product after the other.
struct Reader {
    connection: Connection,
    ids: Arc<Vec<String>>,
    /// Index of the first product, so that readers start at different products.
    first: usize,
}

impl Caller for Reader {
    async fn call(&mut self, n: usize) {
        let id = &self.ids[(self.first + n) % self.ids.len()];
        let path = format!("{PRODUCTS}/{id}");
        assert!(!self.connection.get(&path).await.is_empty());
    }
}

#[tokio::main]
async fn main() {
    let arguments = server_process::arguments();
    let words: Vec<&str> = arguments.iter().flatten().map(String::as_str).collect();
    match words[..] {
        [] => measure().await,
        ["reads", engine, location, pool] => baseline::serve_reads(engine, location, pool == "pooled").await,
        ["text", json] => baseline::serve_text(json.to_owned()).await,
        _ => panic!("unknown server arguments: {words:?}"),
    }
}

async fn measure() {
    let binary = Binary::build();
    println!("reading one product, {CONNECTIONS} connections (medians of {ROUNDS} rounds of {ROUND:?} each)");
    let store = Store::empty(None);
    let file = store.folder.path().join("catalog.db").to_string_lossy().into_owned();
    compare("SQLite", &binary, &store, &file).await;
    let Some(cluster) = Postgres::start() else { return };
    let url = cluster.database("store");
    let store = Store::empty(Some(url.clone()));
    binary.run_command(&store, &["db", "migrate"]);
    compare("Postgres", &binary, &store, &url).await;
}

async fn compare(engine: &str, binary: &Binary, store: &Store, location: &str) {
    let process = StoreProcess::start(binary, store, "yes");
    // A store answers requests before the sample import has finished.
    process.wait_until_ready();
    let ids = Arc::new(product_ids(&process.address).await);
    let json = first_product(&process.address, &ids).await;
    let baselines = [
        ("sqlx", ServerProcess::start(&["reads", engine, location, "pooled"])),
        (
            "sqlx, no pool",
            ServerProcess::start(&["reads", engine, location, "alone"]),
        ),
        ("static JSON", ServerProcess::start(&["text", &json])),
    ];
    for (name, baseline) in &baselines {
        assert_eq!(
            first_product(&baseline.address, &ids).await,
            json,
            "{name} must return the same body as the store"
        );
    }
    let servers: Vec<&str> = std::iter::once(&process.address)
        .chain(baselines.iter().map(|(_, baseline)| &baseline.address))
        .map(|address| address.as_str())
        .collect();
    let figures = alternate(ROUNDS, servers.len(), async |server| {
        let mut readers = Vec::new();
        for number in 0..CONNECTIONS {
            readers.push(Reader {
                connection: Connection::open(servers[server]).await,
                ids: Arc::clone(&ids),
                first: number * ids.len() / CONNECTIONS,
            });
        }
        load::measure(readers, ROUND).await
    })
    .await;
    let ours = Rounds(&figures[0]);
    for ((name, _), figures) in baselines.iter().zip(&figures[1..]) {
        let theirs = Rounds(figures);
        let title = format!("{engine}, axum + {name}");
        report(
            &title,
            &ours,
            &theirs,
            Spread::from_ratios(ours.rates(), theirs.rates()),
        );
    }
}

/// The ids of all products.
async fn product_ids(address: &str) -> Vec<String> {
    let mut connection = Connection::open(address).await;
    let (mut ids, mut token) = (Vec::new(), String::new());
    loop {
        let page = connection.get_json(&format!("{PRODUCTS}?page_size=100{token}")).await;
        let items = page["items"].as_array().expect("a page has items");
        ids.extend(items.iter().filter_map(|item| item["id"].as_str()).map(str::to_owned));
        match page["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return ids,
        }
    }
}

/// The first product as returned by this server.
async fn first_product(address: &str, ids: &[String]) -> String {
    let mut connection = Connection::open(address).await;
    let json = connection.get(&format!("{PRODUCTS}/{}", ids[0])).await;
    String::from_utf8(json.to_vec()).expect("JSON is text")
}
