//! Projections of other modules' data, found by the `rebuilt` entries of each `tables.toml`.

use std::collections::BTreeSet;
use std::path::Path;

use offshoot_tests::{Data, MODULES};

use super::invariants::assert_every_event_is_handled;
use super::raw_rows::{dump_rows, select_texts, uuid_digits};

/// A projection's table.
#[derive(Debug)]
struct ProjectionTable {
    module: &'static str,
    table: String,
    subscription: String,
}

fn projection_tables() -> Vec<ProjectionTable> {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let tables_of_module = |module: &'static str| {
        let text = std::fs::read_to_string(migrations.join(module).join("tables.toml"))
            .expect("each module has a tables.toml");
        let tables: toml::Table = text.parse().expect("tables.toml is TOML");
        let tables = tables["tables"]
            .as_table()
            .expect("tables.toml has a `tables` table")
            .clone();
        tables.into_iter().filter_map(move |(table, about)| {
            let rebuilt = about.get("rebuilt")?.as_str()?;
            let subscription = rebuilt.strip_prefix("offshoot events rebuild ")?.to_owned();
            Some(ProjectionTable {
                module,
                table,
                subscription,
            })
        })
    };
    MODULES.into_iter().flat_map(tables_of_module).collect()
}

/// Rebuilds every projection and asserts that each table has the same rows as before.
pub(super) async fn assert_rebuild_is_identical(data: &Data) {
    let tables = projection_tables();
    let mut before = Vec::new();
    for table in &tables {
        before.push(dump_rows(data, table.module, &table.table).await);
    }
    let subscriptions: BTreeSet<_> = tables.iter().map(|table| table.subscription.as_str()).collect();
    for subscription in subscriptions {
        data.run_command(&["events", "rebuild", subscription])
            .await
            .expect_success();
    }
    assert_every_event_is_handled(data).await;
    for (table, before) in tables.iter().zip(before) {
        let after = dump_rows(data, table.module, &table.table).await;
        assert!(!before.is_empty(), "{table:?} is empty");
        assert_same_rows(&format!("rebuilt {table:?}"), &before, &after);
    }
}

/// Asserts that the storefront's projected stock equals the inventory's stock.
pub(super) async fn assert_match_source(data: &Data) {
    if !MODULES.contains(&"storefront") {
        return;
    }
    let id = uuid_digits(data, "product_id");
    let projected = format!("SELECT {id} || ' ' || available FROM {{m}}projected_stock ORDER BY 1");
    let actual = format!("SELECT {id} || ' ' || (on_hand - reserved) FROM {{m}}stock ORDER BY 1");
    let (projected, actual) = (
        select_texts(data, "storefront", &projected).await,
        select_texts(data, "inventory", &actual).await,
    );
    assert_same_rows("the storefront's stock", &actual, &projected);
}

fn assert_same_rows(subject: &str, expected: &[String], found: &[String]) {
    let [expected, found] = [expected, found].map(|rows| rows.iter().collect::<BTreeSet<_>>());
    let missing: Vec<_> = expected.difference(&found).take(5).collect();
    let superfluous: Vec<_> = found.difference(&expected).take(5).collect();
    assert!(
        missing.is_empty() && superfluous.is_empty(),
        "{subject}: missing rows {missing:#?}, superfluous rows {superfluous:#?}"
    );
}
