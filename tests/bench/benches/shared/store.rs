//! The real binary and the data of the measured stores.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Environment variable with the path of another binary than the release build.
const BINARY: &str = "OFFSHOOT_BIN";

/// The path of the `offshoot` binary.
pub(crate) struct Binary(PathBuf);

/// The data of a store: SQLite files in a temporary folder, or a Postgres database.
pub(crate) struct Store {
    pub(crate) folder: TempDir,
    pub(crate) database: Option<String>,
}

impl Binary {
    /// Builds the release binary, unless the environment names another binary.
    #[expect(clippy::disallowed_methods, reason = "a setting of the benchmarks, not of the store")]
    pub(crate) fn build() -> Self {
        if let Some(path) = env::var_os(BINARY) {
            let path = PathBuf::from(path);
            // A relative path starts at the workspace root, because cargo changes the working directory.
            return Self(workspace().join(path));
        }
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--release", "-p", "offshoot"])
            .current_dir(workspace())
            .status();
        assert!(
            status.expect("cargo starts").success(),
            "`cargo build --release -p offshoot` failed"
        );
        // The path of the benchmark is <target>/release/deps/<name>.
        let own = env::current_exe().expect("the benchmark has an executable path");
        let release = own
            .ancestors()
            .nth(2)
            .expect("cargo puts benchmarks two folders below target");
        Self(release.join("offshoot"))
    }

    /// Prepares `offshoot` on `store`, with all output discarded.
    pub(crate) fn command(&self, store: &Store, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command.args(arguments).arg("--data-dir").arg(store.folder.path());
        if let Some(database) = &store.database {
            command.args(["--database", database]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs a command until the command exits. Panics on failure.
    #[allow(dead_code, reason = "unused by the benchmark of connections")]
    pub(crate) fn run_command(&self, store: &Store, arguments: &[&str]) {
        let output = self
            .command(store, arguments)
            .stderr(Stdio::piped())
            .output()
            .expect("the binary starts");
        assert!(
            output.status.success(),
            "offshoot {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Store {
    /// Creates an empty store.
    pub(crate) fn empty(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder is created");
        Self { folder, database }
    }

    /// The operator's token. Requires that the store has been served before.
    #[allow(dead_code, reason = "used only by benchmarks with operator requests")]
    pub(crate) fn operator_token(&self) -> String {
        let file = std::fs::read_to_string(self.folder.path().join("operators"))
            .expect("the first start created the operators file");
        let (_, token) = file.trim().split_once(' ').expect("a line holds a name and a token");
        token.to_owned()
    }
}

/// The workspace root.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
