//! The real binary and the stores that it is run on.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Another binary than that of this workspace's release profile.
const BINARY: &str = "OFFSHOOT_BIN";

/// The program `offshoot`.
pub(crate) struct Binary(PathBuf);

/// Data of a store: SQLite files in a temporary folder, or a Postgres database.
pub(crate) struct Store {
    pub(crate) folder: TempDir,
    pub(crate) database: Option<String>,
}

impl Binary {
    /// Builds it, unless the environment names one.
    #[expect(clippy::disallowed_methods, reason = "a setting of the benchmarks, not of the store")]
    pub(crate) fn build() -> Self {
        if let Some(path) = env::var_os(BINARY) {
            let path = PathBuf::from(path);
            // A relative path is one from the workspace, wherever cargo starts us.
            return Self(workspace().join(path));
        }
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--release", "-p", "offshoot"])
            .current_dir(workspace())
            .status();
        assert!(status.expect("cargo can be run").success(), "the binary does not build");
        // Ours is <target>/release/deps/<name>.
        let ours = env::current_exe().expect("a program knows where it is");
        let release = ours.ancestors().nth(2).expect("cargo puts it two folders deep");
        Self(release.join("offshoot"))
    }

    /// `offshoot` on `store`, what it prints thrown away.
    pub(crate) fn command(&self, store: &Store, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command.args(arguments).arg("--data-dir").arg(store.folder.path());
        if let Some(database) = &store.database {
            command.args(["--database", database]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, store: &Store, arguments: &[&str]) {
        let output = self
            .command(store, arguments)
            .stderr(Stdio::piped())
            .output()
            .expect("the binary can be run");
        assert!(
            output.status.success(),
            "offshoot {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Store {
    /// Nothing yet.
    pub(crate) fn empty(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self { folder, database }
    }

    /// The token of its operator, once it has served.
    #[allow(dead_code, reason = "not every benchmark operates a store")]
    pub(crate) fn operator_token(&self) -> String {
        let file = std::fs::read_to_string(self.folder.path().join("operators")).expect("a store makes it");
        let (_, token) = file.trim().split_once(' ').expect("a name and a token");
        token.to_owned()
    }
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
