//! Named fault points, at which a test halts an execution in order to kill the process there.
//!
//! Fault points do nothing in a release build. Must not know steps or modules: the callers name the points.

/// Halts for ever in a debug build with `name` in the environment variable `OFFSHOOT_HALT_AT`, after a line on stderr.
/// Returns at once otherwise.
pub async fn fault_point(name: &str) {
    #[cfg(debug_assertions)]
    if halts_at(name) {
        eprintln!("halted at {name}");
        std::future::pending::<()>().await;
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
#[expect(
    clippy::disallowed_methods,
    reason = "an environment variable, not a setting: a configuration file must not be able to halt a process"
)]
fn halts_at(name: &str) -> bool {
    static POINT: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let point = POINT.get_or_init(|| std::env::var("OFFSHOOT_HALT_AT").ok());
    point.as_deref() == Some(name)
}
