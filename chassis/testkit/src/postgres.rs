//! A Postgres server for the tests of one process: private, thrown away, gone when the process is.
//!
//! Started once with `initdb` and `pg_ctl`, on a Unix socket only. Knows no module and makes no database.
//!
//! | environment                      | effect                                                     |
//! |----------------------------------|------------------------------------------------------------|
//! | `OFFSHOOT_TEST_POSTGRES_URL`     | this server is used; its login may create databases, roles |
//! | `OFFSHOOT_TEST_POSTGRES=require` | it is an error that there is no Postgres                   |

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const URL: &str = "OFFSHOOT_TEST_POSTGRES_URL";
const MODE: &str = "OFFSHOOT_TEST_POSTGRES";
/// Where Debian and its relatives keep the server's programs, off the PATH: one folder per version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Runs a server until its standard input ends, which it does when our process does, however that comes about.
///
/// Prints the folder of the socket when the server answers. Nothing in it outlives the tests, so nothing is synced.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
dir=$(mktemp -d "${TMPDIR:-/tmp}/offshoot-pg.XXXXXX") || exit 1
if "$1/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 &&
   "$1/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o "-k $dir -c listen_addresses= -c fsync=off \
        -c synchronous_commit=off -c full_page_writes=off -c max_connections=300" start >>"$dir/log" 2>&1
then
    echo "$dir"
    read -r _
    "$1/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
else
    cat "$dir/log" >&2
fi
rm -rf "$dir"
"#;

/// A server to make databases on.
#[derive(Debug)]
pub struct Server {
    /// The URL before and after the database's name.
    url: (String, String),
    /// Ends the server when its standard input is closed: with our process.
    _shell: Option<Child>,
}

impl Server {
    /// The URL of one database, for a login that may make databases and roles.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (before, after) = &self.url;
        format!("{before}{database}{after}")
    }
}

/// The server of this process, started at the first call. None where there is no Postgres: that is said loudly, and is
/// an error where it is required.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(find).as_ref()
}

/// Whether the server is one that somebody gave us, whose settings are none of ours.
#[must_use]
pub fn is_somebody_elses() -> bool {
    environment(URL).is_some()
}

/// Runs a statement as whoever may do anything.
pub(crate) async fn administer(server: &Server, statement: String) {
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("the test server answers");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .expect("a test may make databases");
    connection.close().await.expect("the test server answers");
}

fn find() -> Option<Server> {
    if let Some(url) = environment(URL) {
        return Some(Server {
            url: around_database(&url).unwrap_or_else(|| panic!("{URL} must be like postgres://user@host/postgres")),
            _shell: None,
        });
    }
    if let Some(programs) = programs() {
        return Some(start(&programs));
    }
    assert!(
        environment(MODE).as_deref() != Some("require"),
        "{MODE}=require, but there is no initdb on the PATH or under {DEBIAN}/*/bin: install Postgres, or set {URL}"
    );
    eprintln!(
        "\n*** LEFT OUT: everything on Postgres. There is no initdb on the PATH or under {DEBIAN}/*/bin.\n\
         *** Install it (`apt-get install postgresql`), or set {URL}; {MODE}=require makes this an error.\n"
    );
    None
}

#[expect(
    clippy::disallowed_methods,
    reason = "who runs the tests says where Postgres is; it is no setting of a process"
)]
fn environment(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Splits a URL around the name of its database.
fn around_database(url: &str) -> Option<(String, String)> {
    let (address, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    let authority = address.find("://")? + 3;
    let end = address[authority..]
        .find('/')
        .map_or(address.len(), |slash| authority + slash);
    Some((format!("{}/", &address[..end]), query.to_owned()))
}

/// The folder of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let has_initdb = |folder: &PathBuf| folder.join("initdb").is_file();
    let path = environment("PATH").unwrap_or_default();
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

fn start(programs: &Path) -> Server {
    let mut command = if is_root() {
        // The server refuses to run as root.
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    // In a group of its own, so that Ctrl-C at the terminal does not end it before us.
    command
        .arg("-c")
        .arg(SCRIPT)
        .arg("sh")
        .arg(programs)
        .current_dir("/")
        .process_group(0);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut shell = command.spawn().expect("`sh`, or as root `runuser`, to start Postgres");
    let mut folder = String::new();
    let output = shell.stdout.take().expect("its output was piped");
    BufReader::new(output)
        .read_line(&mut folder)
        .expect("the shell's output is text");
    if folder.is_empty() {
        let mut why = String::new();
        let mut errors = shell.stderr.take().expect("its errors were piped");
        errors.read_to_string(&mut why).expect("the log is text");
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

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::around_database;

    #[test]
    fn a_url_takes_the_name_of_another_database() {
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
                around_database(url),
                Some((before.to_owned(), after.to_owned())),
                "{url}"
            );
        }
        assert_eq!(around_database("main"), None);
    }
}
