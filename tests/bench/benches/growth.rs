//! Scaling of the store: more buyers, more products, reports over a year of sales.

use std::env;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::connection::Connection;
use crate::load::{Caller, Rounds};
use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};
use crate::store::{Binary, Store, workspace};
use crate::store_process::StoreProcess;

// Measurement.
#[path = "shared/connection.rs"]
mod connection;
#[path = "shared/load.rs"]
mod load;
#[path = "shared/rounds.rs"]
mod rounds;
// The measured store.
#[path = "shared/postgres.rs"]
mod postgres;
#[path = "shared/store.rs"]
mod store;
#[path = "shared/store_process.rs"]
mod store_process;

/// Environment variable with the folder of the data.
const DATA_FOLDER: &str = "OFFSHOOT_DATA";
const SALES_FILE: &str = "online-retail.csv.gz";
const BUYERS: [usize; 3] = [1, 8, 32];
const BASKETS: &str = "2000";
const REPORTS: usize = 100;
const LARGE_CATALOG: usize = 1_000_000;
const SMALL_CATALOG: usize = 4_000;
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(2);

/// Words of the product names. One word occurs in one product of twenty, a pair of words in one product of four
/// hundred.
const KINDS: [&str; 20] = [
    "lantern", "clock", "mug", "bag", "candle", "frame", "mirror", "basket", "cushion", "bowl", "vase", "tray", "lamp",
    "jar", "plate", "chair", "garland", "ribbon", "notebook", "teapot",
];
const LOOKS: [&str; 20] = [
    "red", "blue", "green", "ivory", "black", "white", "pink", "silver", "golden", "wooden", "glass", "metal", "retro",
    "striped", "spotted", "small", "large", "round", "square", "vintage",
];

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "a setting of the benchmarks, not of the store")]
async fn main() {
    let folder = env::var_os(DATA_FOLDER).map_or_else(|| workspace().join("../shared/data"), PathBuf::from);
    let sales = folder.join(SALES_FILE);
    let binary = Binary::build();
    let cluster = Postgres::start();
    for engine in ["SQLite", "Postgres"] {
        let store = |name: &str| match (engine, &cluster) {
            ("SQLite", _) => Some(Store::empty(None)),
            (_, Some(cluster)) => {
                let store = Store::empty(Some(cluster.database(name)));
                binary.run_command(&store, &["db", "migrate"]);
                Some(store)
            }
            (_, None) => None,
        };
        if sales.is_file() {
            let Some(store) = store("sales") else { return };
            binary.run_command(&store, &["import", "online-retail", &sales.to_string_lossy()]);
            measure_reports(engine, &binary, &store).await;
            measure_buyers(engine, &binary, &store, &sales);
        } else {
            println!("SKIPPED: {} is missing", sales.display());
        }
        let (Some(many), Some(few)) = (store("many"), store("few")) else {
            return;
        };
        measure_reads(engine, &binary, [(&many, LARGE_CATALOG), (&few, SMALL_CATALOG)]).await;
    }
}

/// Measures repeated revenue reports over the whole year.
async fn measure_reports(engine: &str, binary: &Binary, store: &Store) {
    let process = StoreProcess::start(binary, store, "no");
    process.wait_until_ready();
    let mut connection = Connection::open(&process.address).await;
    for by in ["month", "country"] {
        let mut times = Vec::new();
        for _ in 0..REPORTS {
            let asked = Instant::now();
            connection.get(&format!("/api/v1/reports/revenue?by={by}")).await;
            times.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_unstable_by(f64::total_cmp);
        let (first, half, most) = (times[0], times[REPORTS / 2], times[REPORTS - 1]);
        println!(
            "{engine}: revenue by {by}, {REPORTS} times | fastest {first:.1} ms p50 {half:.1} ms slowest {most:.1} ms"
        );
    }
}

/// Measures the same baskets with more and more concurrent buyers.
fn measure_buyers(engine: &str, binary: &Binary, store: &Store, sales: &Path) {
    for buyers in BUYERS {
        let (count, sales) = (buyers.to_string(), sales.to_string_lossy());
        let arguments = [
            "replay",
            "online-retail",
            &sales,
            "--concurrency",
            &count,
            "--limit",
            BASKETS,
            "--json",
        ];
        let replay = binary.command(store, &arguments).stdout(Stdio::piped()).output();
        let replay = replay.expect("the binary starts");
        assert!(
            replay.status.success(),
            "a proof fails: {}",
            String::from_utf8_lossy(&replay.stdout)
        );
        let report: Value = serde_json::from_slice(&replay.stdout).expect("stdout is JSON");
        let figure = |name: &str| report[name].as_f64().expect("the report has the figure");
        println!(
            "{engine}: {buyers:2} buyers of {BASKETS} baskets | {:.0} orders/s, checkout p50 {:.1} ms p99 {:.1} ms",
            figure("orders_per_second"),
            figure("checkout_ms_p50"),
            figure("checkout_ms_p99")
        );
    }
}

/// Measures reads of two catalogs; the ratio is the larger catalog by the smaller one.
async fn measure_reads(engine: &str, binary: &Binary, stores: [(&Store, usize); 2]) {
    let mut servers = Vec::new();
    for (store, count) in stores {
        let file = store.folder.path().join("products.csv");
        write_products(&file, count).expect("a temporary file is written");
        let began = Instant::now();
        let arguments = ["import", "products", &file.to_string_lossy(), "--currency", "GBP"];
        binary.run_command(store, &arguments);
        let per_second = count as f64 / began.elapsed().as_secs_f64();
        println!("{engine}: {count} products | imported {per_second:.0}/s");
        let process = StoreProcess::start(binary, store, "no");
        process.wait_until_ready();
        let ids = sample_ids(&process.address).await;
        servers.push((process, ids));
    }
    for query in ["one product", "a page of 20", "a search for two words"] {
        let figures = alternate(ROUNDS, servers.len(), async |server| {
            let (StoreProcess { address, .. }, ids) = &servers[server];
            let paths = Arc::new(match query {
                "one product" => ids.iter().map(|id| format!("/{id}")).collect(),
                "a page of 20" => page_queries(),
                _ => search_queries(),
            });
            let mut readers = Vec::new();
            for number in 0..CONNECTIONS {
                let connection = Connection::open(address).await;
                let first = number * paths.len() / CONNECTIONS;
                let paths = Arc::clone(&paths);
                readers.push(Reader {
                    connection,
                    paths,
                    first,
                });
            }
            load::measure(readers, ROUND).await
        })
        .await;
        let (many, few) = (Rounds(&figures[0]), Rounds(&figures[1]));
        let query = format!("{engine}, {query} of {LARGE_CATALOG}");
        report(&query, &many, &few, Spread::from_ratios(many.rates(), few.rates()));
    }
}

/// A caller that requests one path after the other.
struct Reader {
    connection: Connection,
    paths: Arc<Vec<String>>,
    /// Index of the first path, so that readers start at different paths.
    first: usize,
}

impl Caller for Reader {
    async fn call(&mut self, n: usize) {
        let path = &self.paths[(self.first + n) % self.paths.len()];
        let path = format!("/api/v1/products{path}");
        assert!(!self.connection.get(&path).await.is_empty());
    }
}

fn page_queries() -> Vec<String> {
    let page = |kind| format!("?page_size=20&category={kind}");
    KINDS.iter().map(page).collect()
}

fn search_queries() -> Vec<String> {
    let pairs = LOOKS.iter().flat_map(|look| KINDS.iter().map(move |kind| (look, kind)));
    pairs
        .map(|(look, kind)| format!("?page_size=20&q={look}%20{kind}"))
        .collect()
}

/// Product ids from all parts of the catalog: the hits of every pair of words.
async fn sample_ids(address: &str) -> Vec<String> {
    let mut connection = Connection::open(address).await;
    let mut ids = Vec::new();
    for path in search_queries() {
        let page = connection.get_json(&format!("/api/v1/products{path}")).await;
        let items = page["items"].as_array().expect("a page has items");
        ids.extend(items.iter().filter_map(|item| item["id"].as_str()).map(str::to_owned));
    }
    ids
}

fn write_products(file: &Path, count: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(file)?);
    writeln!(file, "sku,name,price,category")?;
    for number in 0..count {
        let (kind, look) = (KINDS[number % 20], LOOKS[number / 20 % 20]);
        let (pounds, pence) = (number % 97 + 1, number % 100);
        writeln!(file, "G{number:07},{look} {kind} {number},{pounds}.{pence:02},{kind}")?;
    }
    file.flush()
}
