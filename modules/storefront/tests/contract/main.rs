//! Tests of the storefront's contract, in every combination of engine and placement.
//!
//! Knows the contract, the projections and their events, but not the tables.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};
use storefront::Storefront;
use storefront_api::v1::StorefrontApi;

// Events of the catalog and the inventory.
mod event_fixtures;
// The test bodies, by subject.
mod browsing;
mod projecting;
mod schema;
mod subscribing;

struct StorefrontUnderTest;

impl ModuleUnderTest for StorefrontUnderTest {
    type Api = dyn StorefrontApi;
    type Fakes = ();
    const SCHEMA: &'static ModuleSchema = &storefront::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, _: Arc<dyn Clock>) -> (Arc<dyn StorefrontApi>, ()) {
        (Arc::new(Storefront::new(db)), ())
    }
}

type T = Test<StorefrontUnderTest>;

fn main() -> ExitCode {
    contract_tests::<StorefrontUnderTest>(bodies![
        browsing::lists_active_products_in_the_order_of_sku,
        browsing::pages_continue_where_the_previous_page_ended,
        browsing::filters_by_category_and_availability,
        browsing::products_with_the_same_sku_are_all_listed,
        browsing::tokens_of_other_lists_are_refused,
        browsing::a_listing_has_every_field_of_the_product,
        projecting::product_and_stock_events_may_come_in_either_order,
        projecting::the_last_event_of_a_batch_wins,
        projecting::an_older_event_changes_nothing,
        projecting::a_rebuilt_projection_is_the_same,
        projecting::stock_too_large_to_store_rejects_the_event,
        subscribing::published_events_are_listed_and_their_age_is_known,
        schema::the_tables_are_those_declared,
    ])
}
