//! Copies of other modules' data: those that `tables.toml` says are made anew by events.

use std::collections::BTreeSet;
use std::path::Path;

use offshoot_tests::{Data, MODULES};

use super::checks::everything_is_heard;
use super::rows::{digits, dump, texts};

/// A table that is derived from events.
#[derive(Debug)]
struct Copy {
    module: &'static str,
    table: String,
    subscription: String,
}

fn copies() -> Vec<Copy> {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let of = |module: &'static str| {
        let text = std::fs::read_to_string(migrations.join(module).join("tables.toml")).expect("each module has one");
        let tables: toml::Table = text.parse().expect("it is TOML");
        let tables = tables["tables"].as_table().expect("there are tables").clone();
        tables.into_iter().filter_map(move |(table, about)| {
            let rebuilt = about.get("rebuilt")?.as_str()?;
            let subscription = rebuilt.strip_prefix("offshoot events rebuild ")?.to_owned();
            Some(Copy {
                module,
                table,
                subscription,
            })
        })
    };
    MODULES.into_iter().flat_map(of).collect()
}

/// Row by row, copies that are emptied and filled from the first event on are what they were.
pub(super) async fn made_anew_are_the_same(data: &Data) {
    let copies = copies();
    let mut before = Vec::new();
    for copy in &copies {
        before.push(dump(data, copy.module, &copy.table).await);
    }
    let subscriptions: BTreeSet<_> = copies.iter().map(|copy| copy.subscription.as_str()).collect();
    for subscription in subscriptions {
        data.run(&["events", "rebuild", subscription]).await.expect_success();
    }
    everything_is_heard(data).await;
    for (copy, before) in copies.iter().zip(before) {
        let after = dump(data, copy.module, &copy.table).await;
        assert!(!before.is_empty(), "{copy:?} is empty");
        same(&format!("{copy:?} made anew"), &before, &after);
    }
}

/// What the storefront shows of the stock is the stock.
pub(super) async fn are_what_they_copy(data: &Data) {
    if !MODULES.contains(&"storefront") {
        return;
    }
    let id = digits(data, "product_id");
    let shown = format!("SELECT {id} || ' ' || available FROM {{m}}stock_copy ORDER BY 1");
    let there = format!("SELECT {id} || ' ' || (on_hand - reserved) FROM {{m}}stock ORDER BY 1");
    let (shown, there) = (
        texts(data, "storefront", &shown).await,
        texts(data, "inventory", &there).await,
    );
    same("the stock that is shown", &there, &shown);
}

fn same(what: &str, expected: &[String], found: &[String]) {
    let [expected, found] = [expected, found].map(|rows| rows.iter().collect::<BTreeSet<_>>());
    let missing: Vec<_> = expected.difference(&found).take(5).collect();
    let more: Vec<_> = found.difference(&expected).take(5).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "{what}: {missing:#?} are missing, {more:#?} should not be there"
    );
}
