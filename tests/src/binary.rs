//! Where the binary is that cargo builds from these sources.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;
use std::{env, fs};

/// What the binary is made from, below the workspace's root.
const SOURCES: [&str; 6] = ["Cargo.toml", "Cargo.lock", "app", "chassis", "modules", "migrations"];

/// The binary `offshoot`, of the same profile as the running test. Built first if it is missing or older than its
/// sources, which `cargo test` of this package alone does not do.
pub(crate) fn path() -> &'static Path {
    // A build that failed is not tried again by the next test.
    static PATH: OnceLock<Option<PathBuf>> = OnceLock::new();
    let path = PATH.get_or_init(find).as_deref();
    path.expect("cargo builds the binary that these tests run; its errors are above, in the first test that failed")
}

fn find() -> Option<PathBuf> {
    let test = env::current_exe().expect("a running test knows its own file");
    let folder = test.parent().expect("a file is in a folder");
    let target = if folder.ends_with("deps") {
        folder.parent().expect("`deps` is in the profile's folder")
    } else {
        folder
    };
    let binary = target.join(format!("offshoot{}", env::consts::EXE_SUFFIX));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let newest = SOURCES.iter().filter_map(|source| changed(&root.join(source))).max();
    (changed(&binary) >= newest || build(&root, target)).then_some(binary)
}

fn build(root: &Path, target: &Path) -> bool {
    let profile = match target.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root);
    cargo.args(["build", "--quiet", "--package", "offshoot", "--profile", profile]);
    let targets = target.parent().expect("a profile's folder is in the target folder");
    cargo.arg("--target-dir").arg(targets);
    let status = cargo.status();
    status.expect("the cargo that built this test can be started").success()
}

/// When the file, or the newest one in the folder, was changed; none if there is none.
fn changed(path: &Path) -> Option<SystemTime> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_dir() {
        return metadata.modified().ok();
    }
    let entries = fs::read_dir(path).ok()?;
    entries.filter_map(|entry| changed(&entry.ok()?.path())).max()
}
