//! The page of limits names every bound with its value and place.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Lit, Type, UnOp};
use toml::Value;

use crate::sources::{File, assert_no_violations, assert_violations, files};

const PAGE: &str = "docs/LIMITS.md";
const SETTINGS: &str = "app/config/default.toml";
/// Where a constant of a duration is a bound of the product; elsewhere are tools and tests.
const PRODUCT: [&str; 4] = ["chassis/", "modules/", "app/src/", "app/public-api/"];

struct Constant {
    /// With the type in front, for a constant of an `impl`: `PageSize::MAX`.
    name: String,
    /// Whether the type is a duration or a backoff.
    is_duration: bool,
    value: Expr,
}

/// The constants of a file, without those of its tests.
#[derive(Default)]
struct Constants {
    found: Vec<Constant>,
    owner: Option<String>,
}

impl Constants {
    fn of_file(file: &File) -> Vec<Constant> {
        let mut constants = Self::default();
        constants.visit_file(&syn::parse_file(&file.text).expect("the source parses"));
        constants.found
    }

    fn add(&mut self, name: &syn::Ident, ty: &Type, value: &Expr) {
        let name = self
            .owner
            .as_ref()
            .map_or(name.to_string(), |owner| format!("{owner}::{name}"));
        let last = last_segment(ty);
        self.found.push(Constant {
            name,
            is_duration: last.as_deref() == Some("Duration") || last.as_deref() == Some("Backoff"),
            value: value.clone(),
        });
    }
}

fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Constants {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.owner = last_segment(&item.self_ty);
        visit::visit_item_impl(self, item);
        self.owner = None;
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.add(&item.ident, &item.ty, &item.expr);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.add(&item.ident, &item.ty, &item.expr);
    }
}

/// The value of a constant: one number, or two for a range or a backoff. Durations are in milliseconds.
fn evaluate(expr: &Expr, constants: &[Constant]) -> Option<Vec<i128>> {
    let one = |expr: &Expr| {
        evaluate(expr, constants)
            .filter(|value| value.len() == 1)
            .map(|value| value[0])
    };
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok().map(|number| vec![number]),
            _ => None,
        },
        Expr::Paren(inner) => evaluate(&inner.expr, constants),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => Some(vec![-one(&unary.expr)?]),
        Expr::Binary(binary) => {
            let (left, right) = (one(&binary.left)?, one(&binary.right)?);
            let value = match binary.op {
                BinOp::Add(_) => left + right,
                BinOp::Mul(_) => left * right,
                BinOp::Shl(_) => left << right,
                _ => return None,
            };
            Some(vec![value])
        }
        Expr::Range(range) => Some(vec![one(range.start.as_deref()?)?, one(range.end.as_deref()?)?]),
        Expr::Path(path) => {
            let name = path.path.get_ident()?.to_string();
            let named = constants.iter().find(|constant| constant.name == name)?;
            evaluate(&named.value, constants)
        }
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else { return None };
            let function = function.path.segments.last()?.ident.to_string();
            let arguments: Option<Vec<i128>> = call.args.iter().map(one).collect();
            match (function.as_str(), arguments?.as_slice()) {
                ("from_secs", [seconds]) => Some(vec![seconds * 1_000]),
                ("from_millis", [millis]) => Some(vec![*millis]),
                ("new", [first, longest]) => Some(vec![*first, *longest]),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The value of a cell: `16 MiB`, `1 ms to 10 ms`, `1,000 rows`, `7,200 s (2 h)`. Durations are in milliseconds.
fn parse_value(cell: &str) -> Option<Vec<i128>> {
    let cell = cell.split('(').next()?.trim();
    let one = |text: &str| {
        let (number, unit) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let number: i128 = number.replace(',', "").parse().ok()?;
        let factor = match unit {
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            _ => 1,
        };
        Some(number * factor)
    };
    cell.split(" to ").map(one).collect()
}

/// A row of a table.
struct Row<'a> {
    number: usize,
    cells: Vec<&'a str>,
}

impl<'a> Row<'a> {
    /// The code spans of a cell.
    fn spans(&self, cell: usize) -> Vec<&'a str> {
        self.cells[cell].split('`').skip(1).step_by(2).collect()
    }
}

/// The rows of all tables, without their two header lines.
fn rows(page: &File) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut header = 0;
    for (number, line) in (1..).zip(page.text.lines()) {
        if !line.starts_with('|') {
            header = 0;
        } else if header < 2 {
            header += 1;
        } else {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            rows.push(Row {
                number,
                cells: cells[1..cells.len() - 1].to_vec(),
            });
        }
    }
    rows
}

fn has_setting(files: &[File], key: &str) -> bool {
    let settings = files.iter().find(|file| file.path == SETTINGS);
    let Some(Ok(table)) = settings.map(|file| file.text.parse::<toml::Table>()) else {
        return false;
    };
    let table = Value::Table(table);
    let value = key.split('.').try_fold(&table, |value, part| value.get(part));
    value.is_some_and(|value| !value.is_table())
}

/// A row with a setting: the bound, the key, and the effect beyond the bound.
fn setting_violations(row: &Row<'_>, files: &[File]) -> Vec<String> {
    let keys = row.spans(1);
    let unknown = keys.iter().filter(|key| !has_setting(files, key));
    let mut violations: Vec<_> = unknown
        .map(|key| format!("names {key}, which {SETTINGS} lacks"))
        .collect();
    if keys.is_empty() {
        violations.push("names no setting".to_owned());
    }
    violations
}

/// A row with a constant: the bound, the value, the place, the reason, and the effect beyond the bound.
fn constant_violation(value: &str, name: &str, path: &str, constants: &[Constant]) -> Option<String> {
    let Some(constant) = constants.iter().find(|constant| constant.name == name) else {
        return Some(format!("names {name}, which {path} lacks"));
    };
    let (on_page, is) = (parse_value(value), evaluate(&constant.value, constants));
    (on_page.is_none() || on_page != is)
        .then(|| format!("says {value} for {name}, but {path} says {is:?}; durations in milliseconds"))
}

/// The constants of the sources, by path.
fn all_constants(files: &[File]) -> BTreeMap<&str, Vec<Constant>> {
    let is_source = |file: &&File| file.is_rust() && !file.path.contains("/golden/") && !file.path.contains("tests/");
    let sources = files.iter().filter(is_source);
    sources
        .map(|file| (file.path.as_str(), Constants::of_file(file)))
        .collect()
}

fn limit_violations(files: &[File]) -> Vec<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![format!("{PAGE} is missing")];
    };
    let sources = all_constants(files);
    let mut violations = Vec::new();
    let mut named = BTreeSet::new();
    for row in rows(page) {
        let found = match row.cells.len() {
            3 => setting_violations(&row, files),
            5 => match row.spans(2)[..] {
                [name, path] => {
                    named.insert((path, name));
                    let constants = sources.get(path).map_or(&[][..], Vec::as_slice);
                    Vec::from_iter(constant_violation(row.cells[1], name, path, constants))
                }
                _ => vec!["names no constant and file".to_owned()],
            },
            cells => vec![format!("has {cells} cells, not 3 for a setting or 5 for a constant")],
        };
        violations.extend(found.into_iter().map(|found| format!("{PAGE}:{} {found}", row.number)));
    }
    for (path, constants) in &sources {
        let is_product = PRODUCT.iter().any(|folder| path.starts_with(folder)) && !path.starts_with("chassis/testkit/");
        let is_bound = |each: &&Constant| path.ends_with("/limits.rs") || (is_product && each.is_duration);
        let unnamed = constants.iter().filter(is_bound);
        let unnamed = unnamed.filter(|constant| !named.contains(&(*path, constant.name.as_str())));
        violations
            .extend(unnamed.map(|constant| format!("{path} has the bound {}: add a row to {PAGE}", constant.name)));
    }
    violations
}

#[test]
fn the_page_of_limits_names_every_bound_with_its_value_and_place() {
    assert_no_violations(&limit_violations(&files()));
}

#[test]
fn a_wrong_row_and_a_missing_bound_are_reported() {
    let source = "const A: u32 = 1 << 10;\nconst B: Duration = Duration::from_secs(2 * 60);\n\
        const C: Backoff = Backoff::new(Duration::from_millis(5), Duration::from_secs(1));\n\
        impl Page { pub const MAX: u32 = 2 * A; }\nconst D: RangeInclusive<i64> = -1..=3;\n\
        mod tests { const T: Duration = Duration::from_secs(1); }\n";
    let page = |constants: &str, settings: &str| {
        let text = format!("|b|v|w|y|x|\n|---|---|---|---|---|\n{constants}\n|b|k|x|\n|---|---|---|\n{settings}");
        File::new(PAGE, &text)
    };
    let place = |value: &str, name: &str| format!("| a | {value} | `{name}` `chassis/x/src/limits.rs` | b | |\n");
    let good = [
        place("1 KiB", "A"),
        place("2 min (120 s)", "B"),
        place("5 ms to 1 s", "C"),
        place("2,048 items", "Page::MAX"),
        place("-1 to 3", "D"),
    ]
    .concat();
    let project = |page: File| {
        [
            page,
            File::new("chassis/x/src/limits.rs", source),
            File::new(
                "chassis/x/src/server.rs",
                "const WAIT: Duration = Duration::from_secs(1);\nconst SIZE: u32 = 1;\n",
            ),
            File::new(
                "app/replay/src/lib.rs",
                "const LOOK: Duration = Duration::from_secs(1);\n",
            ),
            File::new(SETTINGS, "[remote]\nin_flight = 256\n"),
        ]
    };
    let expected = ["chassis/x/src/server.rs has the bound WAIT"];
    assert_violations(
        &limit_violations(&project(page(&good, "| a | `remote.in_flight` | b |\n"))),
        &expected,
    );

    let wrong = [
        place("1,000 bytes", "A"),
        place("two minutes", "B"),
        place("5 ms to 2 s", "C"),
        place("3", "GONE"),
        "| a | 1 | `A` | b | |\n".to_owned(),
        "| a | 1 |\n".to_owned(),
    ]
    .concat();
    let expected = [
        "says 1,000 bytes for A",
        "says two minutes for B",
        "says 5 ms to 2 s for C",
        "names GONE, which chassis/x/src/limits.rs lacks",
        "names no constant and file",
        "has 2 cells",
        "names remote.gone, which app/config/default.toml lacks",
        "names remote, which",
        "names no setting",
        "has the bound Page::MAX",
        "has the bound D",
        "has the bound WAIT",
    ];
    let settings = "| a | `remote.gone` | b |\n| a | `remote` | b |\n| a | none | b |\n";
    assert_violations(&limit_violations(&project(page(&wrong, settings))), &expected);
}
