//! Environment variables that look like settings and are none: `OFFSHOOT_LISTEN` has one underscore too few.

use std::ffi::OsString;

use super::layer::{Layer, PREFIX};
use super::suggestion::nearest;

/// Prefix of all names that belong to this project.
const OURS: &str = "OFFSHOOT_";
/// Variables that tests, benchmarks and debug builds read. CONTRIBUTING and `tests/bench/README.md` explain them.
pub(super) const OTHERS: [&str; 10] = [
    "OFFSHOOT_ALL_MODULES",
    "OFFSHOOT_BIN",
    "OFFSHOOT_BLESS",
    "OFFSHOOT_DATA",
    "OFFSHOOT_EVENT_FAULTS",
    "OFFSHOOT_HALT_AT",
    "OFFSHOOT_KILLS",
    "OFFSHOOT_SEED",
    "OFFSHOOT_TEST_POSTGRES",
    "OFFSHOOT_TEST_POSTGRES_URL",
];

/// A sentence for each variable with our prefix that nothing reads.
pub(super) fn warnings(environment: &[(OsString, OsString)], known: &Layer) -> Vec<String> {
    let names = environment.iter().filter_map(|(name, _)| name.to_str());
    let unread = names.filter(|name| {
        let is_ours = name
            .get(..OURS.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(OURS));
        is_ours && !name.starts_with(PREFIX) && !OTHERS.contains(name)
    });
    unread.map(|name| warning(name, known)).collect()
}

fn warning(name: &str, known: &Layer) -> String {
    // Without separators, because a wrong number of underscores is the likely mistake.
    let bare = |text: &str| text.replace(['_', '.'], "").to_lowercase();
    let keys: Vec<_> = known.keys().map(|key| (bare(key), key)).collect();
    let wanted = bare(name.get(OURS.len()..).unwrap_or_default());
    let meant = nearest(&wanted, keys.iter().map(|(bare, _)| bare.as_str()));
    let meant = meant.and_then(|meant| keys.iter().find(|(bare, _)| bare == meant));
    let advice = match meant {
        Some((_, key)) => format!("write {}", variable(key)),
        None => "`offshoot config` lists the settings".to_owned(),
    };
    format!("the environment variable {name} has no effect: {advice}")
}

/// The environment variable of the setting `key`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}
