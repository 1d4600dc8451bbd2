//! A private Postgres cluster on a Unix socket, as durable as one in production, gone when it is dropped.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// Where Debian and its relatives keep the server's programs: one folder per version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The user as whom it runs if we are root, whom it refuses.
const USER: &str = "postgres";
/// A server on an empty folder answers within a second; a busy machine takes longer.
const START_TRIES: u32 = 200;
const START_PAUSE: Duration = Duration::from_millis(50);

/// A cluster that runs.
pub(crate) struct Postgres {
    server: Child,
    programs: PathBuf,
    folder: TempDir,
}

impl Postgres {
    /// Makes and starts one; none, which is said, where there is no Postgres. Call it on the main thread: the server
    /// ends with the thread that started it.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("LEFT OUT: everything on Postgres, because there is no {DEBIAN}/*/bin/initdb");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        if is_root() {
            let (user, group) = (id("-u"), id("-g"));
            chown(folder.path(), Some(user), Some(group)).expect("root may give folders away");
        }
        let data = folder.path().join("data");
        let mut initdb = as_user(&programs.join("initdb"), &[]);
        initdb
            .args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data);
        let output = initdb.current_dir("/").output().expect("initdb can be run");
        assert!(
            output.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        // `fsync` and the rest stay on: that is what is measured. Interrupted, it ends quickly and in order.
        let mut server = as_user(&programs.join("postgres"), &["--pdeathsig", "INT"]);
        server
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses="]);
        let server = server
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(Stdio::null());
        let cluster = Self {
            server: server.spawn().expect("postgres can be run"),
            programs,
            folder,
        };
        cluster.wait();
        Some(cluster)
    }

    fn wait(&self) {
        for _ in 0..START_TRIES {
            let ready = self
                .program("pg_isready")
                .arg("-q")
                .status()
                .expect("pg_isready can be run");
            if ready.success() {
                return;
            }
            sleep(START_PAUSE);
        }
        panic!("Postgres did not start in {}", self.folder.path().display());
    }

    /// A new database; answers its URL.
    pub(crate) fn database(&self, name: &str) -> String {
        let made = self
            .program("createdb")
            .arg(name)
            .status()
            .expect("createdb can be run");
        assert!(made.success(), "the database {name} cannot be made");
        format!(
            "postgres://{USER}@localhost/{name}?host={}",
            self.folder.path().display()
        )
    }

    /// One of the client programs, on this cluster.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command
            .env("PGHOST", self.folder.path())
            .env("PGUSER", USER)
            .stdout(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let mut stop = as_user(&self.programs.join("pg_ctl"), &[]);
        // It may have ended already.
        let _ = stop
            .args(["stop", "-m", "fast", "-D"])
            .arg(data)
            .current_dir("/")
            .output();
        let _ = self.server.wait();
    }
}

/// A command that the server's programs allow: not as root. `extra` goes to `setpriv`, which changes the user.
fn as_user(program: &Path, extra: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(extra);
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--init-groups"]);
    }
    command.arg("--").arg(program);
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// A number of the user as whom the server runs.
fn id(which: &str) -> u32 {
    let output = Command::new("id")
        .args([which, USER])
        .output()
        .expect("`id` can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("there is no user {USER}"))
}

/// The programs of the newest version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let number = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let programs = versions
        .filter(|folder| folder.join("bin/initdb").is_file())
        .max_by_key(number)?;
    Some(programs.join("bin"))
}
