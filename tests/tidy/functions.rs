//! Functions and contracts are small.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::sources::{File, assert_no_violations, assert_violations, files};

/// Maximum lines from a function's signature to the closing brace.
const LINES_MAX: usize = 70;
/// Maximum methods of a contract. A larger contract is two contracts.
const METHODS_MAX: usize = 10;

struct SizeVisitor<'a> {
    path: &'a str,
    violations: Vec<String>,
}

impl SizeVisitor<'_> {
    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let lines = body.span().end().line - signature.span().start().line + 1;
        if lines > LINES_MAX {
            self.violations
                .push(format!("{}: `{}` has {lines} lines", self.path, signature.ident));
        }
    }
}

impl<'ast> Visit<'ast> for SizeVisitor<'_> {
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
        if is_contract && methods > METHODS_MAX {
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

fn size_violations(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let parsed = syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let mut visitor = SizeVisitor {
            path: &file.path,
            violations: Vec::new(),
        };
        visitor.visit_file(&parsed);
        violations.append(&mut visitor.violations);
    }
    violations
}

#[test]
fn every_function_and_contract_is_small() {
    assert_no_violations(&size_violations(&files()));
}

#[test]
fn large_functions_and_contracts_are_reported() {
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
    assert_violations(
        &size_violations(&planted),
        &["`large` has 71 lines", "`inner` has 71 lines", "`C` has 11 methods"],
    );
}
