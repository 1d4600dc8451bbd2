//! Private, temporary Postgres server for the tests of one process. The server stops when the test process ends.
//!
//! `initdb` and `pg_ctl` start the server once, on a Unix socket only. This file must not know any module; callers create
//! databases.
//!
//! | environment                      | effect                                                               |
//! |----------------------------------|----------------------------------------------------------------------|
//! | `OFFSHOOT_TEST_POSTGRES_URL`     | use this server; the login must be able to create databases and roles |
//! | `OFFSHOOT_TEST_POSTGRES=require` | a missing Postgres is an error                                       |

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::Mutex;

const URL: &str = "OFFSHOOT_TEST_POSTGRES_URL";
const MODE: &str = "OFFSHOOT_TEST_POSTGRES";
/// Debian's folder of server programs outside the PATH, with one subfolder per version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Shell script that runs a server until standard input ends. The test process holds the other end, so the server stops
/// with the process, even after a kill.
///
/// Prints the socket folder once the server accepts connections. Syncing is off, since no data outlives the tests, and the
/// write-ahead log is small, since each new database is written to it.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
dir=$(mktemp -d "${TMPDIR:-/tmp}/offshoot-pg.XXXXXX") || exit 1
if "$1/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 &&
   "$1/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o "-k $dir -c listen_addresses= -c fsync=off \
        -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 \
        -c wal_level=minimal -c max_wal_senders=0 -c min_wal_size=32MB -c max_wal_size=128MB" start >>"$dir/log" 2>&1
then
    echo "$dir"
    read -r _
    "$1/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
else
    cat "$dir/log" >&2
fi
rm -rf "$dir"
"#;

/// A Postgres server on which tests create databases.
#[derive(Debug)]
pub struct Server {
    /// Parts of the URL before and after the database name.
    url: (String, String),
    /// The shell that stops the server when its standard input closes.
    _shell: Option<Child>,
}

/// A database on the test server. Dropping the value drops the database with its connections, so that the disk holds only
/// the databases of running tests.
#[derive(Debug)]
pub struct TestDatabase {
    /// Name, also for copies of this database.
    pub name: String,
    url: String,
}

impl TestDatabase {
    /// URL with a superuser login.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // At the end of the process the thread may be gone; the server goes too, with all its databases.
        let _ = dropped_databases().send(std::mem::take(&mut self.name));
    }
}

impl Server {
    /// URL of one database, with a login that may create databases and roles.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (before, after) = &self.url;
        format!("{before}{database}{after}")
    }

    /// Creates a database as a copy of `template`, such as `template0` for an empty database.
    pub async fn create_database(&self, template: &str) -> TestDatabase {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // Postgres rejects concurrent copies of one template.
        static ALONE: Mutex<()> = Mutex::const_new(());
        let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let _alone = ALONE.lock().await;
        administer(self, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let url = self.url(&name);
        TestDatabase { name, url }
    }
}

/// The server of this process, started on the first call. `None` without a Postgres installation: tests then print a
/// notice, or panic if Postgres is required.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(find_server).as_ref()
}

/// Whether the server is external, given by URL, with settings outside of the tests' control.
#[must_use]
pub fn is_external() -> bool {
    environment_variable(URL).is_some()
}

/// Names for a thread that drops databases: `Drop` cannot wait for the server.
fn dropped_databases() -> &'static mpsc::Sender<String> {
    static NAMES: OnceLock<mpsc::Sender<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let (sender, names) = mpsc::channel::<String>();
        thread::spawn(move || {
            let server = server().expect("a database of the server exists");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be created");
            for name in names {
                runtime.block_on(administer(server, format!("DROP DATABASE {name} WITH (FORCE)")));
            }
        });
        sender
    })
}

/// Executes a statement as superuser.
async fn administer(server: &Server, statement: String) {
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("the test server answers");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .expect("the login may administer the test server");
    connection.close().await.expect("the test server answers");
}

fn find_server() -> Option<Server> {
    if let Some(url) = environment_variable(URL) {
        return Some(Server {
            url: split_around_database(&url).unwrap_or_else(|| {
                panic!("{URL} is not a valid Postgres URL: use the form postgres://user@host/postgres")
            }),
            _shell: None,
        });
    }
    if let Some(programs) = find_programs() {
        return Some(start_server(&programs));
    }
    assert!(
        environment_variable(MODE).as_deref() != Some("require"),
        "{MODE}=require, but no initdb was found on the PATH or under {DEBIAN}/*/bin: install Postgres, or set {URL}"
    );
    eprintln!(
        "\n*** SKIPPED: all tests on Postgres. No initdb on the PATH or under {DEBIAN}/*/bin.\n\
         *** Install it (`apt-get install postgresql`), or set {URL}; {MODE}=require makes this an error.\n"
    );
    None
}

#[expect(clippy::disallowed_methods, reason = "test environment, not a setting of a process")]
fn environment_variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Splits a URL before and after the database name.
fn split_around_database(url: &str) -> Option<(String, String)> {
    let (address, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    let authority = address.find("://")? + 3;
    let end = address[authority..]
        .find('/')
        .map_or(address.len(), |slash| authority + slash);
    Some((format!("{}/", &address[..end]), query.to_owned()))
}

/// Folder of the programs of the newest server version.
pub(crate) fn find_programs() -> Option<PathBuf> {
    let has_initdb = |folder: &PathBuf| folder.join("initdb").is_file();
    let path = environment_variable("PATH").unwrap_or_default();
    if let Some(folder) = env::split_paths(&path).find(has_initdb) {
        return Some(folder);
    }
    let versions = std::fs::read_dir(DEBIAN)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let number = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .filter(|folder| has_initdb(&folder.join("bin")))
        .max_by_key(number)?;
    Some(newest.join("bin"))
}

/// A shell that executes `script` with the folder of the programs as the first argument, as a user that may run Postgres.
pub(crate) fn shell(script: &str, programs: &Path) -> Command {
    let mut command = if is_root() {
        // Postgres refuses to run as root.
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    // A separate process group, so that Ctrl-C in the terminal does not stop the server before the tests.
    command
        .arg("-c")
        .arg(script)
        .arg("sh")
        .arg(programs)
        .current_dir("/")
        .process_group(0);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start_server(programs: &Path) -> Server {
    let mut command = shell(SCRIPT, programs);
    let mut shell = command.spawn().expect("`sh`, or `runuser` as root, starts Postgres");
    let mut folder = String::new();
    let output = shell.stdout.take().expect("standard output is piped");
    BufReader::new(output)
        .read_line(&mut folder)
        .expect("the shell output is text");
    if folder.is_empty() {
        let mut why = String::new();
        let mut errors = shell.stderr.take().expect("standard error is piped");
        errors.read_to_string(&mut why).expect("the server log is text");
        panic!("Postgres did not start from {}:\n{why}", programs.display());
    }
    Server {
        url: (
            "postgres://postgres@localhost/".to_owned(),
            format!("?host={}", folder.trim_end()),
        ),
        _shell: Some(shell),
    }
}

/// Whether this process is root, as which Postgres refuses to run.
#[must_use]
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::split_around_database;

    #[test]
    fn a_url_is_split_around_the_database_name() {
        for (url, before, after) in [
            ("postgres://me@host:1/main", "postgres://me@host:1/", ""),
            ("postgres://me@host", "postgres://me@host/", ""),
            (
                "postgres://me@localhost/main?host=/run/pg",
                "postgres://me@localhost/",
                "?host=/run/pg",
            ),
        ] {
            assert_eq!(
                split_around_database(url),
                Some((before.to_owned(), after.to_owned())),
                "{url}"
            );
        }
        assert_eq!(split_around_database("main"), None);
    }
}
