//! Import of real invoice lines, compared with the database's own loader copying the same lines into one table.
//!
//! The loader only copies text; `offshoot import` parses every line, derives products and price changes, validates and
//! indexes.

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
/// Environment variable with the folder of the data.
const DATA_FOLDER: &str = "OFFSHOOT_DATA";
const SALES_FILE: &str = "online-retail.csv.gz";
/// Interval of memory samples. The kernel keeps the peak, so only a peak within the last interval can be missed.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(2);
const TABLE: &str = "CREATE TABLE lines (\"InvoiceNo\" text, \"StockCode\" text, \"Description\" text, \"Quantity\" text, \
    \"InvoiceDate\" text, \"UnitPrice\" text, \"CustomerID\" text, \"Country\" text)";

/// Duration and peak memory of one run.
struct Measurement {
    seconds: f64,
    peak_megabytes: f64,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "a setting of the benchmarks, not of the store")]
async fn main() {
    let folder = env::var_os(DATA_FOLDER).map_or_else(|| workspace().join("../shared/data"), PathBuf::from);
    let archive = folder.join(SALES_FILE);
    if !archive.is_file() {
        println!(
            "SKIPPED: {} is missing. Set {DATA_FOLDER} to the folder of {SALES_FILE}.",
            archive.display()
        );
        return;
    }
    let binary = Binary::build();
    let scratch = tempfile::tempdir().expect("a temporary folder is created");
    let lines = scratch.path().join("lines.csv");
    unpack(&archive, &lines);
    println!("importing {SALES_FILE} (medians of {ROUNDS} rounds)");

    let figures = alternate(ROUNDS, 2, async |contestant| match contestant {
        0 => measure(&mut import_command(&binary, &Store::empty(None), &archive)),
        _ => measure(&mut sqlite_command(&scratch, &lines)),
    })
    .await;
    report_engine("SQLite, sqlite3 .import", &figures);

    let Some(cluster) = Postgres::start() else { return };
    let mut databases = 0;
    let figures = alternate(ROUNDS, 2, async |contestant| {
        databases += 1;
        let name = format!("import_{databases}");
        let url = cluster.database(&name);
        if contestant == 0 {
            let store = Store::empty(Some(url));
            binary.run_command(&store, &["db", "migrate"]);
            return measure(&mut import_command(&binary, &store, &archive));
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
        measure(&mut psql)
    })
    .await;
    report_engine("Postgres, psql \\copy", &figures);
}

fn report_engine(title: &str, figures: &[Vec<Measurement>]) {
    let seconds = |contestant: usize| figures[contestant].iter().map(|run| run.seconds);
    let peak = |contestant: usize| Spread::from_values(figures[contestant].iter().map(|run| run.peak_megabytes)).median;
    let summary = |contestant| {
        format!(
            "{:.2} s, peak {:.0} MB",
            Spread::from_values(seconds(contestant)),
            peak(contestant)
        )
    };
    report(
        title,
        summary(0),
        summary(1),
        Spread::from_ratios(seconds(0), seconds(1)),
    );
}

fn import_command(binary: &Binary, store: &Store, file: &Path) -> Command {
    let file = file.to_string_lossy();
    binary.command(store, &["import", "online-retail", &file])
}

fn sqlite_command(scratch: &TempDir, lines: &Path) -> Command {
    let database = scratch.path().join("lines.db");
    // Removes the database of the previous round.
    let _ = std::fs::remove_file(&database);
    let mut command = Command::new("sqlite3");
    command
        .arg(&database)
        .arg(format!(".import --csv {} lines", lines.display()))
        .stdout(Stdio::null());
    command
}

/// Runs a command and samples the memory of the process.
fn measure(command: &mut Command) -> Measurement {
    let start = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut peak_megabytes: f64 = 0.0;
    let status = loop {
        peak_megabytes = memory::child_megabytes(&child, "VmHWM")
            .unwrap_or_default()
            .max(peak_megabytes);
        if let Some(status) = child.try_wait().expect("the child can be polled") {
            break status;
        }
        sleep(SAMPLE_INTERVAL);
    };
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?}: {status}");
    Measurement {
        seconds,
        peak_megabytes,
    }
}

fn unpack(archive: &Path, lines: &Path) {
    let output = File::create(lines).expect("a temporary file is created");
    let status = Command::new("gunzip").arg("-c").arg(archive).stdout(output).status();
    assert!(
        status.expect("gunzip starts").success(),
        "{} cannot be unpacked",
        archive.display()
    );
}
