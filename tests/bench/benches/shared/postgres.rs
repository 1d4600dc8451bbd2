//! A private Postgres cluster on a Unix socket, with production durability settings. Deleted on drop.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// The folder of the server programs on Debian and derivatives: one folder per version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The user that runs the server for a root process; Postgres refuses to run as root.
const USER: &str = "postgres";
/// Polls until the server answers. An empty cluster starts within a second; a busy machine takes longer.
const START_ATTEMPTS: u32 = 200;
const START_PAUSE: Duration = Duration::from_millis(50);

/// A running cluster.
pub(crate) struct Postgres {
    server: Child,
    programs: PathBuf,
    folder: TempDir,
}

impl Postgres {
    /// Creates and starts a cluster. Without Postgres programs, prints a note and returns `None`. Call on the main
    /// thread: the server exits with the starting thread.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = newest_programs() else {
            println!("LEFT OUT: everything on Postgres, because there is no {DEBIAN}/*/bin/initdb");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder is created");
        if is_root() {
            let (user, group) = (user_id("-u"), user_id("-g"));
            chown(folder.path(), Some(user), Some(group)).expect("root may change owners");
        }
        let data = folder.path().join("data");
        let mut initdb = as_user(&programs.join("initdb"), &[]);
        initdb
            .args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data);
        let output = initdb.current_dir("/").output().expect("initdb starts");
        assert!(
            output.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        // `fsync` and the other durability settings stay on, because they are part of the measured cost. SIGINT makes
        // Postgres shut down fast and cleanly.
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
            server: server.spawn().expect("postgres starts"),
            programs,
            folder,
        };
        cluster.wait_until_ready();
        Some(cluster)
    }

    fn wait_until_ready(&self) {
        for _ in 0..START_ATTEMPTS {
            let ready = self
                .program("pg_isready")
                .arg("-q")
                .status()
                .expect("pg_isready starts");
            if ready.success() {
                return;
            }
            sleep(START_PAUSE);
        }
        panic!("Postgres did not start in {}", self.folder.path().display());
    }

    /// Creates a database and returns the URL.
    pub(crate) fn database(&self, name: &str) -> String {
        let status = self.program("createdb").arg(name).status().expect("createdb starts");
        assert!(status.success(), "createdb {name} failed");
        format!(
            "postgres://{USER}@localhost/{name}?host={}",
            self.folder.path().display()
        )
    }

    /// Prepares a Postgres client program for this cluster.
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
        // Errors are ignored: the server may have exited already.
        let _ = stop
            .args(["stop", "-m", "fast", "-D"])
            .arg(data)
            .current_dir("/")
            .output();
        let _ = self.server.wait();
    }
}

/// Prepares a server program, which must not run as root. `extra` are arguments of `setpriv`, which changes the user.
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

/// A numeric id of the server's user: `-u` or `-g`.
fn user_id(which: &str) -> u32 {
    let output = Command::new("id").args([which, USER]).output().expect("`id` starts");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("the user {USER} does not exist"))
}

/// The program folder of the newest version.
fn newest_programs() -> Option<PathBuf> {
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
