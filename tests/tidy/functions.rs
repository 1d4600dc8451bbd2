//! Functions fit a screen, and contracts a caller's head.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::sources::{File, catches, files, keeps};

/// Lines from a function's signature to its end.
const MOST_LINES: usize = 70;
/// Methods of a contract. Above that it is two.
const MOST_METHODS: usize = 10;

struct Lengths<'a> {
    path: &'a str,
    violations: Vec<String>,
}

impl Lengths<'_> {
    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let lines = body.span().end().line - signature.span().start().line + 1;
        if lines > MOST_LINES {
            self.violations
                .push(format!("{}: `{}` has {lines} lines", self.path, signature.ident));
        }
    }
}

impl<'ast> Visit<'ast> for Lengths<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let methods = item
            .items
            .iter()
            .filter(|item| matches!(item, syn::TraitItem::Fn(_)))
            .count();
        let is_contract = item.attrs.iter().any(|attribute| attribute.path().is_ident("contract"));
        if is_contract && methods > MOST_METHODS {
            self.violations.push(format!(
                "{}: the contract `{}` has {methods} methods",
                self.path, item.ident
            ));
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.function(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

fn too_much(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let parsed = syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let mut lengths = Lengths {
            path: &file.path,
            violations: Vec::new(),
        };
        lengths.visit_file(&parsed);
        violations.append(&mut lengths.violations);
    }
    violations
}

#[test]
fn every_function_and_every_contract_is_small() {
    keeps(&too_much(&files()));
}

#[test]
fn a_function_and_a_contract_that_are_too_large_are_found() {
    let function = |name: &str, lines: usize| format!("fn {name}() {{\n{}}}\n", "    step();\n".repeat(lines - 2));
    let methods = |count: usize| {
        (0..count)
            .map(|number| format!("fn m{number}(&self);\n"))
            .collect::<String>()
    };
    let planted = [
        File::new("a.rs", &(function("small", 70) + &function("large", 71))),
        File::new("b.rs", &format!("impl A {{ {} }}", function("inner", 71))),
        File::new(
            "c.rs",
            &format!("#[contract(name = \"c\")] trait C {{ {} }}", methods(11)),
        ),
        File::new(
            "d.rs",
            &format!(
                "#[contract(name = \"d\")] trait D {{ {} }} trait E {{ {} }}",
                methods(10),
                methods(11)
            ),
        ),
    ];
    catches(
        &too_much(&planted),
        &["`large` has 71 lines", "`inner` has 71 lines", "`C` has 11 methods"],
    );
}
