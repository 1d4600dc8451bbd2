//! Tests of layers, their order, and refused settings.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use super::*;
use crate::wiring;

// The valid values of each setting, and the examples beside them.
mod examples;
mod ranges;
// Names that are nearly right.
mod variables;

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("shop.toml");
    std::fs::write(&path, text).expect("the file is writable");
    (folder, path)
}

fn error(file: Option<&Path>, variables: &[(&str, &str)], flags: &Flags) -> String {
    match load_from(file, environment(variables), flags) {
        Ok(_) => panic!("an invalid configuration was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_defaults_set_everything_and_are_accepted() {
    let settings = load_from(None, [], &Flags::default()).expect("defaults hold").settings;
    assert_eq!(settings.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(settings.modules["carts"].own["time_to_live"], "7d");
    let declared: BTreeSet<_> = wiring::names().collect();
    assert!(settings.modules.keys().eq(declared));
    assert_eq!(settings.database_of("catalog"), None);
}

#[test]
fn a_stronger_layer_wins_and_is_named_as_the_origin() {
    let (_folder, path) = file("listen = \"127.0.0.1:1\"\ncurrency = \"EUR\"\n[postgres]\nconnections = 5\n");
    let mut flags = Flags::default();
    flags.set("--listen", "listen", "127.0.0.1:3");
    let variables = environment(&[
        ("OFFSHOOT__LISTEN", "127.0.0.1:2"),
        ("OFFSHOOT__POSTGRES__CONNECTIONS", "7"),
    ]);
    let configuration = load_from(Some(&path), variables, &flags).expect("all of it is valid");

    assert_eq!(configuration.settings.listen.port(), 3);
    assert_eq!(configuration.settings.postgres.connections, Some(7));
    let shown = configuration.show().to_string();
    let origin = |key: &str| {
        let line = shown.lines().find(|line| line.split_whitespace().next() == Some(key));
        line.and_then(|line| line.split_once("# "))
            .map(|(_, origin)| origin.to_owned())
    };
    assert_eq!(origin("listen").as_deref(), Some("flag --listen"));
    assert_eq!(
        origin("postgres.connections").as_deref(),
        Some("environment variable OFFSHOOT__POSTGRES__CONNECTIONS")
    );
    assert_eq!(origin("currency"), Some(format!("{}:2", path.display())));
    assert_eq!(origin("sample").as_deref(), Some("default"));
}

#[test]
fn an_unknown_key_is_refused_with_its_layer() {
    let (_folder, path) = file("[modules.catalog]\nplacment = \"local\"\n");
    let message = error(Some(&path), &[], &Flags::default());
    assert!(
        message.contains("shop.toml:2") && message.contains("`modules.catalog.placment`"),
        "{message}"
    );

    let message = error(None, &[("OFFSHOOT__LISTN", "x")], &Flags::default());
    assert!(
        message.contains("`listn`") && message.contains("OFFSHOOT__LISTN") && message.contains("(is `listen` meant?)"),
        "{message}"
    );
}

#[test]
fn a_bad_value_is_refused_with_key_value_and_origin() {
    for (name, value, part) in [
        ("OFFSHOOT__CARTS__TIME_TO_LIVE", "7 days", "30s or 7d"),
        ("OFFSHOOT__LISTEN", "localhost", "socket address"),
        (
            "OFFSHOOT__POSTGRES__CONNECTIONS",
            "many",
            "whole number from 1 to 10000",
        ),
        ("OFFSHOOT__CURRENCY", "pounds", "ISO 4217"),
        ("OFFSHOOT__SAMPLE", "maybe", "give yes, no or auto"),
        ("OFFSHOOT__MODULES__CATALOG__URLS", "ftp://10.0.0.7", "http://HOST:PORT"),
        (
            "OFFSHOOT__MODULES__CATALOG__URLS",
            "http://10.0.0.7:99999",
            "`99999` is not a port from 1 to 65535",
        ),
        (
            "OFFSHOOT__MODULES__CATALOG__URLS",
            "http://10.0.0.7:1,carts=http://10.0.0.8:1",
            "`carts=` is not part of an address",
        ),
        (
            "OFFSHOOT__TELEMETRY__OTLP",
            "http://10.0.0.7:4318x",
            "`4318x` is not a port",
        ),
        ("OFFSHOOT__REMOTE__PAUSE", "soon", "30s or 7d"),
    ] {
        let message = error(None, &[(name, value)], &Flags::default());
        assert!(
            message.contains(name) && message.contains(value) && message.contains(part),
            "{message}"
        );
    }
}

#[test]
fn a_missing_file_and_broken_toml_are_named() {
    let message = error(Some(Path::new("/nowhere/shop.toml")), &[], &Flags::default());
    assert!(message.contains("/nowhere/shop.toml"), "{message}");
    let (_folder, path) = file("listen = \n");
    let message = error(Some(&path), &[], &Flags::default());
    assert!(message.contains("shop.toml is not TOML"), "{message}");
    let (_folder, path) = file("listen = [1]\n");
    let message = error(Some(&path), &[], &Flags::default());
    assert!(message.contains("`listen` array"), "{message}");
}

#[test]
fn encryption_needs_all_of_its_files() {
    let mut flags = Flags::default();
    flags.set("--config", "public.certificate", "shop.pem");
    assert!(error(None, &[], &flags).contains("`public.key` go together"));
    let mut flags = Flags::default();
    flags.set("--remote", "modules.catalog.urls", "https://catalog.internal:7101");
    assert!(error(None, &[], &flags).contains("`contracts.authority`"));
    flags.set("--config", "contracts.authority", "authority.pem");
    assert!(error(None, &[], &flags).contains("`contracts.certificate` is not set"));
    flags.set("--config", "contracts.certificate", "own.pem");
    flags.set("--config", "contracts.key", "own.key");
    assert!(load_from(None, [], &flags).is_ok());
}

#[test]
fn a_process_with_an_address_off_loopback_is_reachable() {
    let mut flags = Flags::default();
    let is_reachable = |flags: &Flags| load_from(None, [], flags).expect("valid").settings.is_reachable();
    assert!(!is_reachable(&flags));
    flags.set("--listen-admin", "admin.listen", "10.0.0.7:7072");
    assert!(is_reachable(&flags));
}

#[test]
fn a_remote_module_needs_an_address() {
    let message = error(
        None,
        &[("OFFSHOOT__MODULES__CATALOG__PLACEMENT", "remote")],
        &Flags::default(),
    );
    assert!(message.contains("--remote catalog="), "{message}");
}

#[test]
fn addresses_of_a_module_are_a_list_and_flags_add_up() {
    let (_folder, path) = file("[modules.catalog]\nurls = [\"http://10.0.0.7:1\", \"http://10.0.0.8:1#zone=eu-1\"]\n");
    let mut flags = Flags::default();
    let urls = |settings: &Settings, module: &str| settings.modules[module].urls.len();
    let settings = load_from(Some(&path), [], &flags).expect("valid").settings;
    assert_eq!(urls(&settings, "catalog"), 2);
    flags.set("--remote", "modules.carts.urls", "http://10.0.0.7:1,http://10.0.0.7:2,");
    let settings = load_from(Some(&path), [], &flags).expect("valid").settings;
    assert_eq!((urls(&settings, "catalog"), urls(&settings, "carts")), (2, 2));
}

#[test]
fn only_turns_off_local_modules_and_leaves_remote_modules() {
    let mut flags = Flags::default();
    flags.only(&["catalog".to_owned()]);
    let placements = |variables: &[(&str, &str)]| {
        let settings = load_from(None, environment(variables), &flags).expect("valid").settings;
        ["catalog", "carts"].map(|module| settings.modules[module].placement)
    };
    assert_eq!(placements(&[]), [ModulePlacement::Local, ModulePlacement::Off]);
    let elsewhere = [
        ("OFFSHOOT__MODULES__CARTS__PLACEMENT", "remote"),
        ("OFFSHOOT__MODULES__CARTS__URLS", "http://127.0.0.1:1"),
    ];
    assert_eq!(
        placements(&elsewhere),
        [ModulePlacement::Local, ModulePlacement::Remote]
    );
}

#[test]
fn passwords_are_not_shown() {
    let variables = environment(&[("OFFSHOOT__DATABASE", "postgres://shop:s3cret@db/store")]);
    let shown = load_from(None, variables, &Flags::default()).expect("valid").show();
    assert!(!shown.to_string().contains("s3cret"));
}
