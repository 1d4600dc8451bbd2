//! What loading the real invoice lines takes, over the database's own loader putting the same lines into a table.
//!
//! The loader copies texts; ours reads every line, finds products and price changes, checks and indexes them.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};
use crate::store::{Binary, Store, workspace};

#[path = "shared/memory.rs"]
mod memory;
#[path = "shared/postgres.rs"]
mod postgres;
#[path = "shared/rounds.rs"]
mod rounds;
#[path = "shared/store.rs"]
mod store;

const ROUNDS: usize = 5;
/// The folder with the data.
const DATA: &str = "OFFSHOOT_DATA";
const FILE: &str = "online-retail.csv.gz";
/// How often a child is looked at; its peak is kept by the kernel, so only what it does in the end can be missed.
const LOOK: Duration = Duration::from_millis(2);
const TABLE: &str = "CREATE TABLE lines (\"InvoiceNo\" text, \"StockCode\" text, \"Description\" text, \"Quantity\" text, \
    \"InvoiceDate\" text, \"UnitPrice\" text, \"CustomerID\" text, \"Country\" text)";

/// What one run came to.
struct Run {
    seconds: f64,
    peak_megabytes: f64,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "a setting of the benchmarks, not of the store")]
async fn main() {
    let folder = env::var_os(DATA).map_or_else(|| workspace().join("../shared/data"), PathBuf::from);
    let packed = folder.join(FILE);
    if !packed.is_file() {
        println!(
            "LEFT OUT: there is no {}. Set {DATA} to the folder that has {FILE}.",
            packed.display()
        );
        return;
    }
    let binary = Binary::build();
    let scratch = tempfile::tempdir().expect("a temporary folder can be made");
    let lines = scratch.path().join("lines.csv");
    unpack(&packed, &lines);
    println!("importing {FILE} (medians of {ROUNDS} rounds)");

    let figures = alternate(ROUNDS, 2, async |contestant| match contestant {
        0 => timed(&mut import(&binary, &Store::empty(None), &packed)),
        _ => timed(&mut sqlite_import(&scratch, &lines)),
    })
    .await;
    tell("SQLite, sqlite3 .import", &figures);

    let Some(cluster) = Postgres::start() else { return };
    let mut databases = 0;
    let figures = alternate(ROUNDS, 2, async |contestant| {
        databases += 1;
        let name = format!("import_{databases}");
        let url = cluster.database(&name);
        if contestant == 0 {
            let store = Store::empty(Some(url));
            binary.run(&store, &["db", "migrate"]);
            return timed(&mut import(&binary, &store, &packed));
        }
        let mut psql = cluster.program("psql");
        psql.args([
            "-q",
            "-d",
            &name,
            "-c",
            TABLE,
            "-c",
            &format!("\\copy lines from '{}' csv header", lines.display()),
        ]);
        timed(&mut psql)
    })
    .await;
    tell("Postgres, psql \\copy", &figures);
}

fn tell(what: &str, figures: &[Vec<Run>]) {
    let seconds = |contestant: usize| figures[contestant].iter().map(|run| run.seconds);
    let peak = |contestant: usize| Spread::of(figures[contestant].iter().map(|run| run.peak_megabytes)).median;
    let told = |contestant| {
        format!(
            "{:.2} s, peak {:.0} MB",
            Spread::of(seconds(contestant)),
            peak(contestant)
        )
    };
    report(what, told(0), told(1), Spread::of_ratios(seconds(0), seconds(1)));
}

fn import(binary: &Binary, store: &Store, file: &Path) -> Command {
    let file = file.to_string_lossy();
    binary.command(store, &["import", "online-retail", &file])
}

fn sqlite_import(scratch: &TempDir, lines: &Path) -> Command {
    let database = scratch.path().join("lines.db");
    // That of the round before.
    let _ = std::fs::remove_file(&database);
    let mut command = Command::new("sqlite3");
    command
        .arg(&database)
        .arg(format!(".import --csv {} lines", lines.display()))
        .stdout(Stdio::null());
    command
}

/// Runs a command to its end and watches its memory.
fn timed(command: &mut Command) -> Run {
    let start = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut peak_megabytes: f64 = 0.0;
    let status = loop {
        peak_megabytes = memory::megabytes(&child, "VmHWM")
            .unwrap_or_default()
            .max(peak_megabytes);
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        sleep(LOOK);
    };
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?}: {status}");
    Run {
        seconds,
        peak_megabytes,
    }
}

fn unpack(packed: &Path, lines: &Path) {
    let output = File::create(lines).expect("a temporary file can be made");
    let status = Command::new("gunzip").arg("-c").arg(packed).stdout(output).status();
    assert!(
        status.expect("gunzip can be run").success(),
        "{} cannot be unpacked",
        packed.display()
    );
}
