//! Locates the `offshoot` binary that cargo builds from these sources; builds a missing or stale binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;
use std::{env, fs};

/// Sources of the binary, relative to the workspace root.
const SOURCES: [&str; 6] = ["Cargo.toml", "Cargo.lock", "app", "chassis", "modules", "migrations"];

/// The path of the `offshoot` binary of the running test's profile. Builds the binary first if the file is missing or
/// older than its sources: `cargo test` of this package alone does not build the binary.
pub(crate) fn path() -> &'static Path {
    // A failed build is not repeated by the next test.
    static BINARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let path = BINARY.get_or_init(find_or_build).as_deref();
    path.expect("cargo builds the binary under test; the first failed test shows cargo's errors")
}

fn find_or_build() -> Option<PathBuf> {
    let test = env::current_exe().expect("the running test has an executable path");
    let folder = test.parent().expect("an executable has a parent folder");
    let target = if folder.ends_with("deps") {
        folder.parent().expect("`deps` is inside the profile folder")
    } else {
        folder
    };
    let binary = target.join(format!("offshoot{}", env::consts::EXE_SUFFIX));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let newest = SOURCES
        .iter()
        .filter_map(|source| modified_at(&root.join(source)))
        .max();
    (modified_at(&binary) >= newest || build(&root, target)).then_some(binary)
}

fn build(root: &Path, target: &Path) -> bool {
    let profile = match target.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root);
    cargo.args(["build", "--quiet", "--package", "offshoot", "--profile", profile]);
    let targets = target.parent().expect("the profile folder is inside the target folder");
    cargo.arg("--target-dir").arg(targets);
    let status = cargo.status();
    status.expect("cargo starts").success()
}

/// The modification time of the file, or of the newest file below the folder. `None` for a missing path.
fn modified_at(path: &Path) -> Option<SystemTime> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_dir() {
        return metadata.modified().ok();
    }
    let entries = fs::read_dir(path).ok()?;
    entries.filter_map(|entry| modified_at(&entry.ok()?.path())).max()
}
