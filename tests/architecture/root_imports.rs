//! Code names the module that defines an item, `crate::db::Db`, and not the re-export at the root of its own crate. So an
//! import shows which module needs which, and the root is for other crates.

use super::crate_modules::crates;
use crate::sources::{File, assert_no_violations, assert_violations, files};

fn root_import_violations(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for each in crates(files) {
        for named in each.paths.iter().filter(|named| !named.module.is_empty()) {
            if let Some(defined) = each.imported_by_root(&named.path) {
                violations.push(format!(
                    "{}:{} names crate::{} at the root: name crate::{}",
                    named.file,
                    named.line,
                    named.path[0],
                    defined.join("::")
                ));
            }
        }
    }
    violations
}

#[test]
fn imports_name_the_defining_module() {
    assert_no_violations(&root_import_violations(&files()));
}

#[test]
fn an_import_of_a_re_export_from_the_own_root_is_reported() {
    let planted = [
        File::new(
            "chassis/db/src/lib.rs",
            "mod db; mod tx; mod begin; use std::fmt; pub use crate::db::{Db, StoreId as Id};\npub(crate) use self::begin::begin;\n\
             pub struct Root; pub use other::Other; fn f(db: crate::Db) {}",
        ),
        File::new("chassis/db/src/db.rs", "pub struct Db;"),
        File::new("chassis/db/src/begin.rs", "use crate::{Other, Root, sql, begin, fmt};"),
        File::new(
            "chassis/db/src/tx.rs",
            "use crate::db::Db;\nuse crate::{begin,\n    Id};\nfn f() -> super::Db { crate::Db::open() }\n\
             macro_rules! m { () => { $crate::Db } }",
        ),
        File::new("modules/carts/src/lib.rs", "use other_crate::Db;"),
    ];
    assert_violations(
        &root_import_violations(&planted),
        &[
            "chassis/db/src/tx.rs:3 names crate::Id at the root: name crate::db::StoreId",
            "chassis/db/src/tx.rs:4 names crate::Db at the root: name crate::db::Db",
            "chassis/db/src/tx.rs:4 names crate::Db at the root: name crate::db::Db",
        ],
    );
}
