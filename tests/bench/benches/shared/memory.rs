//! Memory use of a process, from `/proc`.

use std::fs;
use std::process::Child;

/// A figure of `/proc/<pid>/status` in MB, such as `VmRSS`. `None` for an exited child.
#[allow(dead_code, reason = "unused by benchmarks that measure their own process")]
pub(crate) fn child_megabytes(child: &Child, figure: &str) -> Option<f64> {
    process_megabytes(child.id(), figure)
}

/// Like [`child_megabytes`], for any process id.
pub(crate) fn process_megabytes(process: u32, figure: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024.0 / 1e6)
}
