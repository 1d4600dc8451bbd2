//! Tests of environment variables that nothing reads.

use super::*;
use crate::config::variables::OTHERS;

#[test]
fn a_variable_that_nothing_reads_is_warned_of_with_the_right_name() {
    let warnings = |name: &str| {
        let configuration = load_from(None, environment(&[(name, "x")]), &Flags::default());
        configuration.expect("a warning stops nothing").warnings
    };
    for (name, right) in [
        ("OFFSHOOT_LISTEN", "write OFFSHOOT__LISTEN"),
        ("offshoot_listen", "write OFFSHOOT__LISTEN"),
        ("OFFSHOOT_ORDERS_LEASE", "write OFFSHOOT__ORDERS__LEASE"),
        ("OFFSHOOT_POSTGRES__CONECTIONS", "write OFFSHOOT__POSTGRES__CONNECTIONS"),
        (
            "OFFSHOOT_MODULES_CATALOG_URLS",
            "write OFFSHOOT__MODULES__CATALOG__URLS",
        ),
        ("OFFSHOOT_LOG_FORMAT_WISHED_FOR", "`offshoot config` lists the settings"),
    ] {
        let warnings = warnings(name);
        assert!(
            matches!(&warnings[..], [warning] if warning.contains(name) && warning.ends_with(right)),
            "{warnings:?}"
        );
    }
    for name in OTHERS.into_iter().chain(["OFFSHOOTS_LISTEN", "LISTEN", "RUST_LOG"]) {
        assert_eq!(warnings(name), Vec::<String>::new());
    }
    let right = load_from(
        None,
        environment(&[("OFFSHOOT__LISTEN", "127.0.0.1:1")]),
        &Flags::default(),
    );
    assert_eq!(right.expect("valid").warnings, Vec::<String>::new());
}
