//! The storefront's contract, tested in every combination of engine and placement. Knows the contract, the copies and what
//! is announced to them, and not the tables.

#![expect(clippy::unwrap_used, reason = "a body fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};
use storefront::Storefront;
use storefront_api::v1::StorefrontApi;

// What the storefront is told.
mod news;
// The bodies, by theme.
mod browsing;
mod copying;
mod following;
mod schema;

struct StorefrontUnderTest;

impl ModuleUnderTest for StorefrontUnderTest {
    type Api = dyn StorefrontApi;
    type World = ();
    const SCHEMA: &'static ModuleSchema = &storefront::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, _: Arc<dyn Clock>) -> (Arc<dyn StorefrontApi>, ()) {
        (Arc::new(Storefront::new(db)), ())
    }
}

type T = Test<StorefrontUnderTest>;

fn main() -> ExitCode {
    contract_tests::<StorefrontUnderTest>(bodies![
        browsing::lists_what_is_sold_in_the_order_of_sku,
        browsing::goes_on_where_a_page_ended,
        browsing::one_category_or_what_can_be_had,
        browsing::two_products_of_one_sku_are_both_listed,
        browsing::tokens_of_other_lists_are_refused,
        browsing::one_product_is_shown_whole,
        copying::product_and_stock_may_come_in_either_order,
        copying::the_last_event_of_a_batch_counts,
        copying::an_older_event_changes_nothing,
        copying::a_copy_made_anew_is_the_same,
        copying::stock_that_cannot_be_kept_is_the_events_fault,
        following::what_is_announced_is_shown_and_its_age_is_known,
        schema::the_tables_are_those_declared,
    ])
}
