//! Only the application's wiring names implementations, so that what a module is to the rest is its contract.

use std::collections::BTreeMap;

use crate::sources::{File, catches, files, keeps, tokens};

/// The one place, and how long it may get: it is read to see what the store is made of.
const WIRING: &str = "app/src/wiring.rs";
const WIRING_LINES: usize = 150;
/// What only those name who know where a module runs or keeps its data.
const NOT_FOR_THE_PUBLIC_SIDE: [&str; 4] = ["offshoot_db", "offshoot_rest", "sqlx", "wiring"];

/// What each implementation makes public, by its crate's name in sources.
fn exported(files: &[File]) -> BTreeMap<String, Vec<String>> {
    let roots = files.iter().filter_map(|file| {
        let module = file.behind("modules/")?;
        (file.path == format!("modules/{module}/src/lib.rs")).then(|| (module.replace('-', "_"), public_items(file)))
    });
    roots.collect()
}

fn public_items(file: &File) -> Vec<String> {
    let parsed = syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
    let public = parsed.items.into_iter().filter_map(|item| {
        let (visibility, name) = match item {
            syn::Item::Const(item) => (item.vis, item.ident),
            syn::Item::Enum(item) => (item.vis, item.ident),
            syn::Item::Fn(item) => (item.vis, item.sig.ident),
            syn::Item::Mod(item) => (item.vis, item.ident),
            syn::Item::Static(item) => (item.vis, item.ident),
            syn::Item::Struct(item) => (item.vis, item.ident),
            syn::Item::Trait(item) => (item.vis, item.ident),
            syn::Item::Type(item) => (item.vis, item.ident),
            _ => return None,
        };
        matches!(visibility, syn::Visibility::Public(_)).then(|| name.to_string())
    });
    public.collect()
}

/// The wiring, and how each module is made.
fn is_wiring(file: &File) -> bool {
    file.path == WIRING || file.path.starts_with("app/src/wiring/")
}

/// Where an implementation is named: `catalog::Catalog`, or an import that starts with its crate.
fn named(files: &[File], exported: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("app/src/") && file.is_rust() && !is_wiring(file))
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

fn beyond_contracts(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("app/src/public_api/") && file.is_rust())
    {
        let found = tokens(file)
            .into_iter()
            .filter(|token| NOT_FOR_THE_PUBLIC_SIDE.contains(&token.text.as_str()));
        violations.extend(found.map(|token| format!("{}:{} names {}", file.path, token.line, token.text)));
    }
    violations
}

fn too_long(files: &[File]) -> Vec<String> {
    let wiring = files
        .iter()
        .find(|file| file.path == WIRING)
        .expect("the wiring has its place");
    let lines = wiring.text.lines().count();
    if lines < WIRING_LINES {
        Vec::new()
    } else {
        vec![format!("{WIRING} has {lines} lines")]
    }
}

#[test]
fn only_the_wiring_names_implementations() {
    let files = files();
    let exported = exported(&files);
    assert!(exported["catalog"].contains(&"Catalog".to_owned()), "{exported:?}");
    keeps(&named(&files, &exported));
}

#[test]
fn an_implementation_that_is_named_elsewhere_is_found() {
    let exported = BTreeMap::from([("carts".to_owned(), vec!["Carts".to_owned(), "SCHEMA".to_owned()])]);
    let planted = [
        File::new(WIRING, "use carts::Carts;"),
        File::new(
            "app/src/public_api/carts.rs",
            "//! carts::Carts\nuse carts_api::v1::CartsApi; fn f() { super::carts::one() }",
        ),
        File::new("app/src/cli/db.rs", "use carts::Carts;"),
        File::new("app/src/serve/mod.rs", "fn f() {\n    vec![&carts::SCHEMA];\n}"),
        File::new("app/src/serve/host.rs", "use carts as basket;"),
    ];
    catches(
        &named(&planted, &exported),
        &["cli/db.rs:1", "serve/mod.rs:2", "serve/host.rs:1"],
    );
}

#[test]
fn the_public_side_knows_contracts_only() {
    keeps(&beyond_contracts(&files()));
}

#[test]
fn a_public_side_that_knows_more_is_found() {
    let planted = [
        File::new("app/src/serve/host.rs", "use offshoot_db::Db;"),
        File::new(
            "app/src/public_api/home.rs",
            "/// Not offshoot_db.\nuse crate::wiring::Wired;\nuse sqlx::Row;",
        ),
    ];
    catches(
        &beyond_contracts(&planted),
        &["home.rs:2 names wiring", "home.rs:3 names sqlx"],
    );
}

#[test]
fn the_wiring_is_read_at_one_look() {
    keeps(&too_long(&files()));
}

#[test]
fn a_wiring_that_grew_is_found() {
    catches(
        &too_long(&[File::new(WIRING, &"\n".repeat(WIRING_LINES))]),
        &["has 150 lines"],
    );
}
