//! A module is declared once: outside the folders of a module, only a few known files name the module.
//!
//! Adding or removing a module touches these files. Clients of a module, such as callers and the public API, name their
//! callee and do not count.

use toml::Table;

use crate::sources::{File, assert_no_violations, assert_violations, files, tokens};

/// The only files that may name a module without being its client.
const DECLARING: [&str; 2] = ["app/Cargo.toml", "app/src/wiring.rs"];
/// Files that a new module with public operations touches as well.
const PUBLIC: [&str; 2] = ["app/public-api/Cargo.toml", "app/public-api/src/operations.rs"];
/// Most existing files that a new module touches.
const TOUCHED_MAX: usize = 4;

/// Whether the crate of `file` is a client of `module`: the crate depends on the module's contract.
fn is_client(file: &File, files: &[File], module: &str) -> bool {
    let manifests = files.iter().filter(|manifest| {
        let folder = manifest.path.strip_suffix("Cargo.toml");
        folder.is_some_and(|folder| !folder.is_empty() && folder != "app/" && file.path.starts_with(folder))
    });
    manifests
        .filter_map(|manifest| toml::from_str::<Table>(&manifest.text).ok())
        .any(|manifest| {
            let depends = |kind: &str| {
                let dependencies = manifest.get(kind).and_then(|table| table.as_table());
                dependencies.is_some_and(|dependencies| dependencies.contains_key(&format!("{module}-api")))
            };
            depends("dependencies") || depends("dev-dependencies")
        })
}

/// Product files outside the module's folders that name the module in code or in a manifest.
fn files_that_name(files: &[File], module: &str) -> Vec<String> {
    let own = [format!("modules/{module}/"), format!("migrations/{module}/")];
    let product = files.iter().filter(|file| {
        (file.is_rust() || file.path.ends_with("Cargo.toml"))
            && !own.iter().any(|folder| file.path.starts_with(folder))
            && !file.path.starts_with("tests/")
            && !file.path.starts_with("app/tests/")
            // The tools of the command line are clients of the whole store.
            && !file.path.starts_with("app/src/cli/tools/")
    });
    let named = product.filter(|file| {
        let names = if file.is_rust() {
            let names = [module.to_owned(), format!("{module}_api")];
            tokens(file).iter().any(|token| names.contains(&token.text))
        } else {
            file.text.contains(&format!("{module}-api")) || file.text.contains(&format!("modules/{module}"))
        };
        names && !is_client(file, files, module)
    });
    named.map(|file| file.path.clone()).collect()
}

fn undeclared_names(files: &[File], module: &str) -> Vec<String> {
    let found = files_that_name(files, module).into_iter();
    let others = found.filter(|path| !DECLARING.contains(&path.as_str()));
    others
        .map(|path| format!("{path} names {module}: only {} may", DECLARING.join(" and ")))
        .collect()
}

#[test]
fn a_module_that_nobody_calls_is_named_only_where_modules_are_declared() {
    // Names such as `orders` are also words of the code; the modules at the end of the graph are not.
    for module in ["notifications", "reporting", "storefront"] {
        assert_no_violations(&undeclared_names(&files(), module));
    }
    assert!(DECLARING.len() + PUBLIC.len() <= TOUCHED_MAX);
}

#[test]
fn a_module_named_elsewhere_is_reported() {
    let planted = [
        File::new("app/src/wiring.rs", "reviews: reviews_api::v1::ReviewsApi;"),
        File::new("app/Cargo.toml", "reviews-api = { path = \"../modules/reviews/api\" }"),
        File::new("app/src/serve/front.rs", "use reviews_api::v1::ReviewsApi;"),
        File::new("modules/reviews/src/lib.rs", "use reviews_api::v1::Review;"),
        File::new(
            "modules/stars/Cargo.toml",
            "[dependencies]\nreviews-api = { path = \"../reviews/api\" }",
        ),
        File::new("modules/stars/src/lib.rs", "use reviews_api::v1::Review;"),
    ];
    assert_violations(
        &undeclared_names(&planted, "reviews"),
        &["app/src/serve/front.rs names reviews"],
    );
}
