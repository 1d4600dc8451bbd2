//! What the whole path of a read costs, `GET /api/v1/products/{id}` in the real binary, over the same read through sqlx
//! in a hand-written axum handler.
//!
//! Ours goes through the public side and, for the product and for its availability, through a switch, an edge, a module and
//! its database. The others read both in one statement. Each server is a process of its own on loopback; all of them
//! read the same data.

use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::load::{Caller, Rounds};
use crate::peer::Peer;
use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};
use crate::serving::Serving;
use crate::store::{Binary, Store};

// Who is compared with the store.
mod bare;
// How it is measured.
#[path = "../shared/connection.rs"]
mod connection;
#[path = "../shared/load.rs"]
mod load;
#[path = "../shared/peer.rs"]
mod peer;
#[path = "../shared/rounds.rs"]
mod rounds;
// What is measured.
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/serving.rs"]
mod serving;
#[path = "../shared/store.rs"]
mod store;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(1_000);
const CONNECTIONS: usize = 32;
const PRODUCTS: &str = "/api/v1/products";

/// Who asks for one product after the other.
struct Reader {
    connection: Connection,
    ids: Arc<Vec<String>>,
    /// Where it begins, so that not all ask for the same.
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
    let arguments = peer::arguments();
    let words: Vec<&str> = arguments.iter().flatten().map(String::as_str).collect();
    match words[..] {
        [] => measure().await,
        ["reads", engine, location, pool] => bare::serve_reads(engine, location, pool == "pooled").await,
        ["text", json] => bare::serve_text(json.to_owned()).await,
        _ => panic!("there is no server {words:?}"),
    }
}

async fn measure() {
    let binary = Binary::build();
    println!("reading a product, {CONNECTIONS} connections (medians of {ROUNDS} rounds of {ROUND:?} each)");
    let store = Store::empty(None);
    let file = store.folder.path().join("catalog.db").to_string_lossy().into_owned();
    compare("SQLite", &binary, &store, &file).await;
    let Some(cluster) = Postgres::start() else { return };
    let url = cluster.database("store");
    let store = Store::empty(Some(url.clone()));
    binary.run(&store, &["db", "migrate"]);
    compare("Postgres", &binary, &store, &url).await;
}

async fn compare(engine: &str, binary: &Binary, store: &Store, location: &str) {
    let serving = Serving::start(binary, store, "yes");
    // A store answers while it is still being filled.
    serving.wait_until_ready();
    let ids = Arc::new(ids(&serving.address).await);
    let json = product(&serving.address, &ids).await;
    let baselines = [
        ("sqlx", Peer::start(&["reads", engine, location, "pooled"])),
        ("sqlx, no pool", Peer::start(&["reads", engine, location, "alone"])),
        ("static JSON", Peer::start(&["text", &json])),
    ];
    for (name, baseline) in &baselines {
        assert_eq!(
            product(&baseline.address, &ids).await,
            json,
            "{name} must answer what the store answers"
        );
    }
    let servers: Vec<&str> = std::iter::once(&serving.address)
        .chain(baselines.iter().map(|(_, peer)| &peer.address))
        .map(|it| &**it)
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
        load::run(readers, ROUND).await
    })
    .await;
    let ours = Rounds(&figures[0]);
    for ((name, _), figures) in baselines.iter().zip(&figures[1..]) {
        let theirs = Rounds(figures);
        let what = format!("{engine}, axum + {name}");
        report(&what, &ours, &theirs, Spread::of_ratios(ours.rates(), theirs.rates()));
    }
}

/// The ids of all products.
async fn ids(address: &str) -> Vec<String> {
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

/// The first product as this server shows it.
async fn product(address: &str, ids: &[String]) -> String {
    let mut connection = Connection::open(address).await;
    let json = connection.get(&format!("{PRODUCTS}/{}", ids[0])).await;
    String::from_utf8(json.to_vec()).expect("JSON is text")
}
