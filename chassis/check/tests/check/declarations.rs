//! Each place that a declaration names, and each place that names a module, left out in turn: the message says where the
//! missing text goes.

use crate::{found, manifest};

const WIRING: &str = "\
// The modules.
modules! {
    depot: depot_api::v1::DepotApi, \"depot\", \"depot-stub\";
    yard: yard_api::v1::YardApi, \"yard\", \"yard-stub\", calls [depot], subscribes_to [depot];
}
origins! {
    public: calls [yard];
}
";
const APPLICATION: &str = "\
[package]
name = \"application\"

[features]
default = [\"depot\", \"yard\", \"front\"]
depot = [\"dep:depot\", \"depot-stub\"]
depot-stub = [\"dep:depot-api\"]
yard = [\"dep:yard\", \"yard-stub\", \"depot-stub\"]
yard-stub = [\"dep:yard-api\"]
front = [\"dep:front\", \"yard-stub\"]

[dependencies]
depot = { path = \"../modules/depot\", optional = true }
depot-api = { path = \"../modules/depot/api\", optional = true }
yard = { path = \"../modules/yard\", optional = true }
yard-api = { path = \"../modules/yard/api\", optional = true }
front = { path = \"front\", optional = true }
";
const DEPOT_API: &str = "\
#[contract(name = \"depot\", version = \"1.0\", events = DepotEvent)]
pub trait DepotApi: Send {}
";
const YARD_API: &str = "#[offshoot_contract::contract(name = \"yard\", version = \"1.0\")]\npub trait YardApi {}\n";
const YARD: &str = "\
use depot_api::v1::{DepotApi, DepotEvent};
struct Yard { depot: Arc<dyn DepotApi> }
impl Projection for Yard { type Event = DepotEvent; }
";
const FRONT: &str = "\
fn list(api: &Contracts) {
    CallContext::root(\"public\");
    api.get::<dyn yard_api::v1::YardApi>();
}
";

/// A project of two modules, one of which uses the other, and a front.
fn files() -> Vec<(String, String)> {
    let table = "CREATE TABLE things (id int) STRICT;".to_owned();
    let files = [
        ("app/src/wiring.rs", WIRING.to_owned()),
        ("app/Cargo.toml", APPLICATION.to_owned()),
        ("app/front/Cargo.toml", manifest("front", &["yard-api"])),
        ("app/front/src/lib.rs", FRONT.to_owned()),
        ("modules/depot/Cargo.toml", manifest("depot", &["depot-api"])),
        (
            "modules/depot/src/lib.rs",
            "fn start() -> Arc<dyn DepotApi>".to_owned() + " {}",
        ),
        ("modules/depot/api/Cargo.toml", manifest("depot-api", &[])),
        ("modules/depot/api/src/v1.rs", DEPOT_API.to_owned()),
        ("modules/yard/Cargo.toml", manifest("yard", &["yard-api", "depot-api"])),
        ("modules/yard/src/lib.rs", YARD.to_owned()),
        ("modules/yard/api/Cargo.toml", manifest("yard-api", &[])),
        ("modules/yard/api/src/v1/mod.rs", YARD_API.to_owned()),
        ("migrations/depot/0001_depot.sql", table.clone()),
        ("migrations/yard/0001_yard.sql", table.replace("things", "offers")),
    ];
    files.map(|(path, text)| (path.to_owned(), text)).to_vec()
}

/// Violations after each change `(path, text, replacement)`. Without a text, files below the path are left out.
fn found_after(changes: &[(&str, &str, &str)]) -> Vec<String> {
    let mut files = files();
    for (path, text, replacement) in changes {
        if text.is_empty() {
            let before = files.len();
            files.retain(|(file, _)| !file.starts_with(path));
            assert!(files.len() < before, "no file is below {path}");
            continue;
        }
        let file = files.iter_mut().find(|(file, _)| file == path);
        let (_, content) = file.unwrap_or_else(|| panic!("{path} is not in the project"));
        assert!(content.contains(text), "{path} does not contain {text}");
        *content = content.replacen(text, replacement, 1);
    }
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    found(&files)
}

#[track_caller]
fn assert_found(changes: &[(&str, &str, &str)], expected: &[&str]) {
    assert_eq!(found_after(changes), expected);
}

const W: &str = "app/src/wiring.rs";
const A: &str = "app/Cargo.toml";

#[test]
fn a_project_that_agrees_with_its_declarations_has_no_violation() {
    assert_found(&[], &[]);
}

#[test]
fn a_module_without_a_declaration_is_found_with_the_line_to_add() {
    assert_found(
        &[(
            W,
            "    yard: yard_api::v1::YardApi, \"yard\", \"yard-stub\", calls [depot], subscribes_to [depot];\n",
            "",
        )],
        &[
            "app/src/wiring.rs:4: declaration: modules/yard is not declared: add the line `yard: yard_api::v1::YardApi, \
             \"yard\", \"yard-stub\", calls [depot], subscribes_to [depot];` to modules!",
            "app/src/wiring.rs:6: declaration: public names yard, which is not declared: declare yard, or remove the name",
        ],
    );
}

#[test]
fn a_declaration_without_its_module_is_found() {
    assert_found(
        &[("modules/depot/Cargo.toml", "", "")],
        &[
            "app/src/wiring.rs:3: declaration: depot is declared, and modules/depot/Cargo.toml is missing: create the crate, \
           or remove the line",
        ],
    );
    assert_found(
        &[("migrations/depot/", "", "")],
        &[
            "app/src/wiring.rs:3: declaration: depot is declared and has no migration: add SQL files to migrations/depot",
        ],
    );
    assert_found(
        &[("modules/depot/api/src/v1.rs", "\"depot\"", "\"store\"")],
        &[
            "app/src/wiring.rs:3: declaration: depot_api::v1::DepotApi is not a contract of depot: modules/depot/api/src needs \
           the trait DepotApi with `#[contract(name = \"depot\", ..)]`",
        ],
    );
}

#[test]
fn migrations_and_features_of_a_removed_module_are_found() {
    let line = "    depot: depot_api::v1::DepotApi, \"depot\", \"depot-stub\";\n";
    let changes = [
        (W, line, ""),
        (W, ", calls [depot], subscribes_to [depot]", ""),
        ("modules/depot/", "", ""),
    ];
    assert_found(
        &changes,
        &[
            "app/Cargo.toml:6: declaration: depot is not declared and has no code: remove its features and dependencies",
            "migrations/depot/0001_depot.sql:1: declaration: depot has migrations and is not declared: remove them, or add \
             the module",
        ],
    );
}

#[test]
fn an_undeclared_call_and_an_undeclared_subscription_are_found() {
    assert_found(
        &[(W, ", calls [depot]", "")],
        &[
            "app/src/wiring.rs:4: declaration: yard uses depot without declaring so (modules/yard/src/lib.rs:2 names DepotApi): \
           add depot to `calls [..]` of yard",
        ],
    );
    assert_found(
        &[(W, ", subscribes_to [depot]", "")],
        &[
            "app/src/wiring.rs:4: declaration: yard uses depot without declaring so (modules/yard/src/lib.rs:1 names \
           DepotEvent): add depot to `subscribes_to [..]` of yard",
        ],
    );
}

#[test]
fn a_declared_edge_that_no_code_has_is_found() {
    assert_found(
        &[(
            "modules/yard/src/lib.rs",
            "struct Yard { depot: Arc<dyn DepotApi> }",
            "",
        )],
        &[
            "app/src/wiring.rs:4: declaration: yard declares `calls [depot]` and does not use depot so: remove depot from the \
           list",
        ],
    );
    let without_events = YARD.replace("DepotEvent", "YardEvent");
    assert_found(
        &[("modules/yard/src/lib.rs", YARD, &without_events)],
        &[
            "app/src/wiring.rs:4: declaration: yard declares `subscribes_to [depot]` and does not use depot so: remove depot \
           from the list",
        ],
    );
}

#[test]
fn an_edge_to_an_unknown_or_a_later_module_is_found() {
    assert_found(
        &[(W, "calls [depot],", "calls [depot, ghost],")],
        &[
            "app/src/wiring.rs:4: declaration: yard names ghost, which is not declared: declare ghost, or remove the name",
        ],
    );
    let line = "    depot: depot_api::v1::DepotApi, \"depot\", \"depot-stub\";\n";
    let below = "}\norigins!".to_owned();
    let moved = format!("{line}}}\norigins!");
    let later = "app/src/wiring.rs:3: declaration: yard is declared before depot: move the line of yard below the line of \
                 depot";
    assert_found(&[(W, line, ""), (W, &below, &moved)], &[later]);
}

#[test]
fn a_missing_dependency_of_a_declared_edge_is_found() {
    assert_found(
        &[("modules/yard/Cargo.toml", "depot-api.workspace = true\n", "")],
        &[
            "modules/yard/Cargo.toml:4: declaration: yard is declared to use depot: add `depot-api = { path = \
           \"../depot/api\" }` to [dependencies]",
        ],
    );
}

#[test]
fn each_missing_feature_of_a_module_is_found() {
    for (text, replacement, line, message) in [
        (
            "\nyard = [\"dep:yard\", \"yard-stub\", \"depot-stub\"]",
            "",
            4,
            "yard is declared and has no feature yard: add `yard = [\"dep:yard\", \"yard-stub\", \"depot-stub\"]` to [features]",
        ),
        (
            "\nyard-stub = [\"dep:yard-api\"]",
            "",
            4,
            "yard is declared and has no feature yard-stub: add `yard-stub = [\"dep:yard-api\"]` to [features]",
        ),
        (
            "\"yard-stub\", \"depot-stub\"]",
            "\"yard-stub\"]",
            8,
            "the feature yard of yard is incomplete: add \"depot-stub\"",
        ),
        (
            "\"depot\", \"yard\", ",
            "\"depot\", ",
            5,
            "yard is declared and not part of the default binary: add \"yard\" to `default`",
        ),
        (
            "\nyard = { path = \"../modules/yard\", optional = true }",
            "",
            12,
            "yard is declared: add `yard = { path = \"../modules/yard\", optional = true }` to [dependencies]",
        ),
        (
            "\nyard-api = { path = \"../modules/yard/api\", optional = true }",
            "",
            12,
            "yard is declared: add `yard-api = { path = \"../modules/yard/api\", optional = true }` to [dependencies]",
        ),
        (
            "\"dep:front\", \"yard-stub\"",
            "\"dep:front\"",
            10,
            "front calls yard: add \"yard-stub\" to the feature front",
        ),
    ] {
        assert_found(
            &[(A, text, replacement)],
            &[&format!("app/Cargo.toml:{line}: declaration: {message}")],
        );
    }
}

#[test]
fn an_origin_that_calls_without_declaring_so_is_found() {
    assert_found(
        &[
            ("app/front/src/lib.rs", "api.get", "api.get::<dyn DepotApi>(); api.get"),
            (A, "\"dep:front\",", "\"dep:front\", \"depot-stub\","),
        ],
        &[
            "app/src/wiring.rs:7: declaration: public calls depot without declaring so (app/front/src/lib.rs:3 names DepotApi): \
           add depot to `calls [..]` of public",
        ],
    );
    assert_found(
        &[(W, "    public: calls [yard];\n", "")],
        &[
            "app/src/wiring.rs:7: declaration: app/front calls modules as public, which is not declared: add the line \
           `public: calls [yard];` to origins!",
        ],
    );
    assert_found(
        &[(
            "app/front/src/lib.rs",
            "    api.get::<dyn yard_api::v1::YardApi>();\n",
            "",
        )],
        &[
            "app/src/wiring.rs:7: declaration: public declares `calls [yard]` and no code does so as public: remove yard from \
           the list",
        ],
    );
}

#[test]
fn a_line_of_another_form_is_found() {
    assert_found(
        &[(W, ", \"depot-stub\"", "")],
        &[
            "app/src/wiring.rs:3: unreadable: not a valid line of modules!, which has the form `name: path::of::Contract, \
             \"feature\", \"stub-feature\", calls [..], subscribes_to [..];`",
            "app/src/wiring.rs:4: declaration: yard names depot, which is not declared: declare depot, or remove the name",
            "app/src/wiring.rs:5: declaration: modules/depot is not declared: add the line `depot: depot_api::v1::DepotApi, \
             \"depot\", \"depot-stub\";` to modules!",
        ],
    );
}

#[test]
fn a_project_without_declarations_is_not_asked_for_any() {
    assert_found(&[(W, "modules! {", "other! {")], &[]);
    assert_found(&[("app/", "", "")], &[]);
}
