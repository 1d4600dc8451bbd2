//! All that the declarations of the modules yield, in the golden file `tests/architecture/declared.txt`. A difference is
//! a change of the store: who may call whom, which tables exist, in which order backups are taken.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;

use offshoot::wiring::{DECLARATIONS, ORIGINS, callers_of, descriptions, implementations, schemas};
use offshoot_public_api as public_api;
use offshoot_tests::Placement;
use toml::{Table, Value};

use crate::sources::root;

const GOLDEN: &str = "tests/architecture/declared.txt";
const BLESS: &str = "OFFSHOOT_BLESS=1 cargo test -p offshoot-tests --test store declared";

/// Everything that the declarations yield, as text.
fn yielded() -> String {
    let mut text = format!("Yielded by the declarations in app/src/wiring.rs. Rewritten by\n{BLESS}\n");
    let manifest = fs::read_to_string(root().join("app/Cargo.toml")).expect("the application has a manifest");
    let manifest: Table = toml::from_str(&manifest).expect("the manifest is TOML");
    let features = manifest["features"].as_table().expect("the application has features");
    for declaration in DECLARATIONS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\nmodule {}", declaration.name);
        for (title, values) in rows_of_module(declaration.name, features) {
            let _ = writeln!(text, "{}", format!("  {title:<18}{}", values.join(", ")).trim_end());
        }
    }
    for origin in ORIGINS {
        let _ = writeln!(
            text,
            "\norigin {}\n  {:<18}{}",
            origin.name,
            "calls",
            origin.calls.join(", ")
        );
    }
    text.push_str("\ntopology\n");
    for declaration in DECLARATIONS.iter().chain(ORIGINS) {
        let name = declaration.name;
        for callee in declaration.calls {
            let _ = writeln!(text, "  {name} calls {callee}");
        }
        for publisher in declaration.subscribes_to {
            let _ = writeln!(text, "  {publisher} publishes to {name}");
        }
    }
    let schemas: Vec<_> = schemas().iter().map(|schema| schema.module).collect();
    let backup: Vec<_> = schemas.iter().copied().rev().collect();
    for (title, order) in [("start and provisioning", schemas), ("backup", backup)] {
        let _ = writeln!(text, "\norder of {title}\n  {}", order.join(", "));
    }
    text
}

fn rows_of_module(module: &str, features: &Table) -> Vec<(&'static str, Vec<String>)> {
    let owned = |names: &[&str]| names.iter().copied().map(str::to_owned).collect::<Vec<_>>();
    let feature = |name: String| {
        let entries = features.get(&name).and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let declaration = DECLARATIONS.iter().find(|declaration| declaration.name == module);
    let declaration = declaration.expect("the module is declared");
    let implementation = implementations().into_iter().find(|one| one.schema.module == module);
    let implementation = implementation.expect("the default binary has every module");
    let contracts = descriptions().into_iter().filter(|contract| contract.name == module);
    let operations = public_api::calls().into_iter();
    let operations = operations.filter(|(_, callees)| callees.contains(&module));
    vec![
        (
            "contract",
            contracts
                .map(|contract| format!("{} {}", contract.name, contract.version))
                .collect(),
        ),
        ("implementation", feature(module.to_owned())),
        ("stub", feature(format!("{module}-stub"))),
        ("tables", tables(implementation.schema.tables)),
        (
            "sagas",
            implementation
                .sagas
                .iter()
                .map(|(kind, version)| format!("{kind} {version}"))
                .collect(),
        ),
        ("calls", owned(declaration.calls)),
        ("subscribes to", owned(declaration.subscribes_to)),
        ("admits", owned(&callers_of(module))),
        (
            "public operations",
            operations.map(|(operation, _)| operation).collect(),
        ),
        (
            "tests move out",
            owned(&Placement::MovedOut(declaration.name).separate_modules()),
        ),
    ]
}

/// Tables with their kinds, from the text of a `tables.toml`.
fn tables(text: &str) -> Vec<String> {
    let listed: BTreeMap<String, BTreeMap<String, Table>> = toml::from_str(text).expect("the list of tables is TOML");
    let tables = listed["tables"].iter();
    let kind = |table: &Table| table.get("kind").and_then(Value::as_str).unwrap_or("owned").to_owned();
    tables
        .map(|(name, table)| format!("{name} ({})", kind(table)))
        .collect()
}

/// The first difference between the golden file and the text of today; `None` if they are equal.
fn first_difference(golden: &str, yielded: &str) -> Option<String> {
    let lines = golden.lines().count().max(yielded.lines().count());
    let line_of = |text: &str, line: usize| text.lines().nth(line).unwrap_or("(end of file)").to_owned();
    let line = (0..lines).find(|line| line_of(golden, *line) != line_of(yielded, *line))?;
    Some(format!(
        "{GOLDEN}:{}: the file says `{}`, and the declarations yield `{}`: review the difference, then run {BLESS}",
        line + 1,
        line_of(golden, line).trim(),
        line_of(yielded, line).trim(),
    ))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the store")]
fn the_declarations_yield_the_declared_store() {
    let (path, yielded) = (root().join(GOLDEN), yielded());
    if env::var_os("OFFSHOOT_BLESS").is_some() {
        fs::write(&path, &yielded).expect("the golden file is writable");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(first_difference(&golden, &yielded), None);
}

#[test]
fn a_changed_declaration_is_a_difference_with_line_and_remedy() {
    let golden = "module depot\n  admits public\n";
    assert_eq!(first_difference(golden, golden), None);
    let admitted = first_difference(golden, "module depot\n  admits public, import\n").expect("the lines differ");
    assert!(
        admitted.starts_with("tests/architecture/declared.txt:2: the file says `admits public`")
            && admitted.contains("yield `admits public, import`")
            && admitted.ends_with(BLESS),
        "{admitted}"
    );
    let added = first_difference(golden, &format!("{golden}module shop\n")).expect("a line was added");
    assert!(added.contains(":3: the file says `(end of file)`"), "{added}");
}
