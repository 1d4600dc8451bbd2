//! Named points at which a test holds an execution still, to kill the process there.
//!
//! In a release build a point is nothing. Knows no step and no module: whoever has points names them.

/// Goes on at once, unless this is a debug build and `OFFSHOOT_HALT_AT` in its environment is `name`: then it says so on
/// stderr and never goes on.
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
    reason = "no setting: it must not exist where it could be set by mistake"
)]
fn halts_at(name: &str) -> bool {
    static POINT: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let point = POINT.get_or_init(|| std::env::var("OFFSHOOT_HALT_AT").ok());
    point.as_deref() == Some(name)
}
