//! Contract tests of the carts in every combination of engine and placement. Must not know the tables. The catalog is a
//! stub, because carts must work with any implementation of the catalog contract.

#![expect(clippy::unwrap_used, reason = "a failed test body panics")]

use std::process::ExitCode;
use std::sync::Arc;

use carts::{Carts, CartsSettings};
use carts_api::v1::CartsApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};

use crate::stub_catalog::StubCatalog;

// Sources of products: catalog events and a stub of the catalog.
mod catalog_events;
mod stub_catalog;
// Test bodies by theme.
mod dependency;
mod expiry;
mod lines;
mod prices;
mod projected_prices;
mod replacing_lines;
mod schema;

struct CartsUnderTest;

impl ModuleUnderTest for CartsUnderTest {
    type Api = dyn CartsApi;
    type Fakes = Arc<StubCatalog>;
    const SCHEMA: &'static ModuleSchema = &carts::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn CartsApi>, Arc<StubCatalog>) {
        let catalog = Arc::new(StubCatalog::default());
        let carts = Carts::new(db, clock, catalog.behind_edge(), CartsSettings::default());
        (Arc::new(carts), catalog)
    }
}

type T = Test<CartsUnderTest>;

fn main() -> ExitCode {
    contract_tests::<CartsUnderTest>(bodies![
        lines::a_new_cart_is_empty,
        lines::keep_the_order_in_which_they_were_first_set,
        lines::have_the_quantity_last_set,
        lines::can_be_removed_and_added_again_at_the_end,
        lines::accept_quantities_up_to_the_limit,
        lines::accept_only_active_products_in_the_currency_of_the_cart,
        lines::need_an_existing_cart,
        lines::of_a_full_cart_can_be_changed_but_not_added,
        lines::set_concurrently_are_all_stored,
        lines::of_one_product_set_concurrently_become_one_line,
        replacing_lines::removes_the_previous_lines,
        replacing_lines::accepts_all_lines_or_none,
        replacing_lines::accepts_as_many_lines_as_a_cart_may_have,
        prices::are_current_at_each_read,
        prices::of_products_that_cannot_be_bought_are_not_in_the_total,
        prices::with_a_total_out_of_range_are_rejected,
        expiry::comes_after_a_week_without_changes,
        expiry::is_extended_by_each_change,
        expiry::follows_the_settings,
        expiry::removes_the_cart_a_week_later,
        expiry::removes_any_number_of_carts,
        dependency::a_catalog_outage_names_the_failed_call,
        dependency::creating_and_emptying_a_cart_needs_no_catalog,
        dependency::a_product_missing_in_the_catalog_is_named,
        dependency::an_unexpected_catalog_error_is_an_internal_failure,
        projected_prices::serve_reads_and_changes_during_a_catalog_outage,
        projected_prices::are_not_used_while_the_catalog_answers,
        projected_prices::reject_products_that_cannot_be_bought,
        projected_prices::are_used_for_all_products_or_for_none,
        projected_prices::of_unknown_age_are_not_used,
        projected_prices::keep_the_latest_version,
        projected_prices::are_used_when_the_catalog_hangs,
        projected_prices::do_not_hide_refusals,
        schema::the_tables_match_their_declaration,
    ])
}
