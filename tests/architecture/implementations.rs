//! Only the application's wiring names module implementations; all other code uses contracts.

use std::collections::BTreeMap;

use crate::sources::{File, assert_no_violations, assert_violations, files, tokens};

/// The wiring must stay short, because the file is the overview of the store's modules.
const WIRING: &str = "app/src/wiring.rs";
const WIRING_LINES_MAX: usize = 150;
/// Crates and modules that know where a module runs or keeps data; forbidden in the public API.
const FORBIDDEN_IN_PUBLIC_API: [&str; 4] = ["offshoot_db", "offshoot_rest", "sqlx", "wiring"];

/// The public items of each implementation, by crate name.
fn exported_items(files: &[File]) -> BTreeMap<String, Vec<String>> {
    let roots = files.iter().filter_map(|file| {
        let module = file.folder_below("modules/")?;
        (file.path == format!("modules/{module}/src/lib.rs")).then(|| (module.replace('-', "_"), public_items(file)))
    });
    roots.collect()
}

fn public_items(file: &File) -> Vec<String> {
    let parsed = syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
    let public = parsed.items.into_iter().flat_map(|item| {
        let (visibility, names) = match item {
            syn::Item::Const(item) => (item.vis, vec![item.ident]),
            syn::Item::Enum(item) => (item.vis, vec![item.ident]),
            syn::Item::Fn(item) => (item.vis, vec![item.sig.ident]),
            syn::Item::Mod(item) => (item.vis, vec![item.ident]),
            syn::Item::Static(item) => (item.vis, vec![item.ident]),
            syn::Item::Struct(item) => (item.vis, vec![item.ident]),
            syn::Item::Trait(item) => (item.vis, vec![item.ident]),
            syn::Item::Type(item) => (item.vis, vec![item.ident]),
            syn::Item::Use(item) => (item.vis, imported_names(item.tree)),
            _ => return Vec::new(),
        };
        if matches!(visibility, syn::Visibility::Public(_)) {
            names
        } else {
            Vec::new()
        }
    });
    public.map(|name| name.to_string()).collect()
}

fn imported_names(tree: syn::UseTree) -> Vec<syn::Ident> {
    match tree {
        syn::UseTree::Path(path) => imported_names(*path.tree),
        syn::UseTree::Name(name) => vec![name.ident],
        syn::UseTree::Rename(rename) => vec![rename.rename],
        syn::UseTree::Group(group) => group.items.into_iter().flat_map(imported_names).collect(),
        syn::UseTree::Glob(_) => Vec::new(),
    }
}

/// The declarations of all modules, and the macro behind them.
fn is_wiring(file: &File) -> bool {
    file.path == WIRING || file.path == "app/src/wiring/declare.rs"
}

/// Uses of implementations: `catalog::Catalog`, or an import that starts with the implementation's crate.
fn implementation_uses(files: &[File], exported: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("app/") && file.is_rust() && !is_wiring(file))
    {
        let tokens = tokens(file);
        for (place, token) in tokens.iter().enumerate() {
            let Some(items) = exported.get(&token.text) else {
                continue;
            };
            let next = |offset: usize| tokens.get(place + offset).map_or("", |token| token.text.as_str());
            let imported = place > 0 && tokens[place - 1].text == "use" && [":", "as", ";"].contains(&next(1));
            let item = next(1) == ":" && next(2) == ":" && items.iter().any(|item| item == next(3));
            if imported || item {
                violations.push(format!(
                    "{}:{} names the implementation of {}",
                    file.path, token.line, token.text
                ));
            }
        }
    }
    violations
}

fn public_api_violations(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("app/public-api/src/") && file.is_rust())
    {
        let found = tokens(file)
            .into_iter()
            .filter(|token| FORBIDDEN_IN_PUBLIC_API.contains(&token.text.as_str()));
        violations.extend(found.map(|token| format!("{}:{} names {}", file.path, token.line, token.text)));
    }
    violations
}

fn length_violations(files: &[File]) -> Vec<String> {
    let wiring = files
        .iter()
        .find(|file| file.path == WIRING)
        .expect("the wiring exists");
    let lines = wiring.text.lines().count();
    if lines < WIRING_LINES_MAX {
        Vec::new()
    } else {
        vec![format!("{WIRING} has {lines} lines")]
    }
}

#[test]
fn only_the_wiring_names_implementations() {
    let files = files();
    let exported = exported_items(&files);
    for (module, item) in [("catalog", "Catalog"), ("orders", "Orders")] {
        assert!(exported[module].contains(&item.to_owned()), "{exported:?}");
    }
    assert_no_violations(&implementation_uses(&files, &exported));
}

#[test]
fn an_implementation_named_outside_of_the_wiring_is_reported() {
    let exported = BTreeMap::from([("carts".to_owned(), vec!["Carts".to_owned(), "SCHEMA".to_owned()])]);
    let planted = [
        File::new(WIRING, "use carts::Carts;"),
        File::new(
            "app/public-api/src/carts.rs",
            "//! carts::Carts\nuse carts_api::v1::CartsApi; fn f() { super::carts::one() }",
        ),
        File::new("app/src/cli/db.rs", "use carts::Carts;"),
        File::new("app/src/serve/mod.rs", "fn f() {\n    vec![&carts::SCHEMA];\n}"),
        File::new("app/src/serve/host.rs", "use carts as basket;"),
    ];
    assert_violations(
        &implementation_uses(&planted, &exported),
        &["cli/db.rs:1", "serve/mod.rs:2", "serve/host.rs:1"],
    );
}

#[test]
fn the_public_api_uses_only_contracts() {
    assert_no_violations(&public_api_violations(&files()));
}

#[test]
fn a_public_api_that_uses_more_than_contracts_is_reported() {
    let planted = [
        File::new("app/src/serve/host.rs", "use offshoot_db::Db;"),
        File::new(
            "app/public-api/src/home.rs",
            "/// Not offshoot_db.\nuse crate::wiring::Wired;\nuse sqlx::Row;",
        ),
    ];
    assert_violations(
        &public_api_violations(&planted),
        &["home.rs:2 names wiring", "home.rs:3 names sqlx"],
    );
}

#[test]
fn the_wiring_is_short() {
    assert_no_violations(&length_violations(&files()));
}

#[test]
fn a_long_wiring_is_reported() {
    assert_violations(
        &length_violations(&[File::new(WIRING, &"\n".repeat(WIRING_LINES_MAX))]),
        &["has 150 lines"],
    );
}
