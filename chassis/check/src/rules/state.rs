//! State rule: a module must not keep state in memory between calls, since another replica, or the process after a move,
//! would answer differently. The rule reports fields and statics of types that change behind a shared reference.

use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::file::File;
use crate::project::Project;
use crate::violation::{Rule, Violation};

/// Types that change behind a shared reference. Not listed: channels, semaphores and `LazyLock`, since their content
/// does not affect answers.
const MUTABLE_TYPES: [&str; 14] = [
    "ArcSwap",
    "ArcSwapOption",
    "Cell",
    "ConcurrentHashMap",
    "DashMap",
    "DashSet",
    "Mutex",
    "OnceCell",
    "OnceLock",
    "RefCell",
    "RwLock",
    "SkipMap",
    "UnsafeCell",
    "LruCache",
];
/// Common prefix of the atomic types.
const ATOMIC_PREFIX: &str = "Atomic";
/// Macros that declare statics.
const STATIC_MACROS: [&str; 2] = ["thread_local", "lazy_static"];

/// Finds state that a module's source file keeps between calls. A file that is not valid Rust is reported too.
pub(crate) fn find_kept_state(project: &Project, file: &File) -> Vec<Violation> {
    let is_source = project.layout.module_of_code(&file.path).is_some() && file.path.contains("/src/");
    let parsed = is_source.then(|| syn::parse_file(&file.text));
    match parsed {
        None => Vec::new(),
        Some(Ok(parsed)) => {
            let mut finder = Finder {
                file,
                found: Vec::new(),
            };
            finder.visit_file(&parsed);
            finder.found
        }
        Some(Err(error)) => {
            let message = format!("not valid Rust: {error}");
            vec![Violation::new(
                file,
                error.span().start().line,
                Rule::Unreadable,
                message,
            )]
        }
    }
}

struct Finder<'a> {
    file: &'a File,
    found: Vec<Violation>,
}

impl Finder<'_> {
    fn report(&mut self, line: usize, item: &str, kept: &str) {
        let message = format!(
            "{item} keeps {kept} between calls: move the state into the module's data, or allow it with a reason"
        );
        self.found.push(Violation::new(self.file, line, Rule::State, message));
    }

    fn check_fields(&mut self, owner: &str, fields: &syn::Fields) {
        for (number, field) in fields.iter().enumerate() {
            if let Some(kept) = find_mutable_type(&field.ty) {
                let name = field
                    .ident
                    .as_ref()
                    .map_or_else(|| number.to_string(), ToString::to_string);
                self.report(field.line_of_name(), &format!("`{owner}.{name}`"), &kept);
            }
        }
    }
}

/// Line of a field's name, below its attributes and comments.
trait NamedField {
    fn line_of_name(&self) -> usize;
}

impl NamedField for syn::Field {
    fn line_of_name(&self) -> usize {
        let span = self.ident.as_ref().map_or_else(|| self.ty.span(), syn::Ident::span);
        span.start().line
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.check_fields(&item.ident.to_string(), &item.fields);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        for variant in &item.variants {
            self.check_fields(&format!("{}::{}", item.ident, variant.ident), &variant.fields);
        }
        visit::visit_item_enum(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        if let Some(kept) = find_mutable_type(&item.ty) {
            self.report(item.ident.span().start().line, &format!("`{}`", item.ident), &kept);
        }
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        let is_mutable = matches!(item.mutability, syn::StaticMutability::Mut(_));
        let kept = find_mutable_type(&item.ty).or_else(|| is_mutable.then(|| "a mutable static".to_owned()));
        if let Some(kept) = kept {
            self.report(item.ident.span().start().line, &format!("`{}`", item.ident), &kept);
        }
        visit::visit_item_static(self, item);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let name = item
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string())
            .unwrap_or_default();
        if STATIC_MACROS.contains(&name.as_str()) {
            self.report(item.path.span().start().line, &format!("`{name}!`"), "a static");
        }
    }
}

/// The first type in `ty` that changes behind a shared reference.
fn find_mutable_type(ty: &syn::Type) -> Option<String> {
    let mut found = None;
    let mut trees: Vec<_> = ty.to_token_stream().into_iter().collect();
    trees.reverse();
    while let Some(tree) = trees.pop() {
        match tree {
            proc_macro2::TokenTree::Ident(name) => {
                let name = name.to_string();
                if MUTABLE_TYPES.contains(&name.as_str()) || name.starts_with(ATOMIC_PREFIX) {
                    found = Some(format!("a {name}"));
                    break;
                }
            }
            proc_macro2::TokenTree::Group(group) => {
                let mut inner: Vec<_> = group.stream().into_iter().collect();
                inner.reverse();
                trees.extend(inner);
            }
            _ => {}
        }
    }
    found
}

fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.meta.to_token_stream().to_string().replace(' ', "") == "cfg(test)"
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        _ => &[],
    }
}
