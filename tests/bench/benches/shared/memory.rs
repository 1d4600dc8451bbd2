//! How much memory a process has, from `/proc`.

use std::fs;
use std::process::Child;

/// A figure of `/proc/<pid>/status` in MB, such as `VmRSS`; none when the process has ended.
#[allow(dead_code, reason = "some benchmarks measure themselves")]
pub(crate) fn megabytes(child: &Child, figure: &str) -> Option<f64> {
    of(child.id(), figure)
}

/// The same of any process, such as our own.
pub(crate) fn of(process: u32, figure: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024.0 / 1e6)
}
