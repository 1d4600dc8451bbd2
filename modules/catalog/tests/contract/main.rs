//! Contract tests of the catalog in every combination of engine and placement. Must not know the tables.

#![expect(clippy::unwrap_used, reason = "a failed test body panics")]

use std::process::ExitCode;
use std::sync::Arc;

use catalog::Catalog;
use catalog_api::v1::CatalogApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};

// Products and shortcuts for the tests.
mod builders;
// Test bodies by use case.
mod add;
mod add_many;
mod browse;
mod change;
mod prices;
mod record_prices;
mod schema;
mod search;

struct CatalogUnderTest;

impl ModuleUnderTest for CatalogUnderTest {
    type Api = dyn CatalogApi;
    type Fakes = ();
    const SCHEMA: &'static ModuleSchema = &catalog::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn CatalogApi>, ()) {
        (Arc::new(Catalog::new(db, clock)), ())
    }
}

type T = Test<CatalogUnderTest>;

fn main() -> ExitCode {
    contract_tests::<CatalogUnderTest>(bodies![
        add::returns_the_product_that_a_read_then_finds,
        add::stores_texts_at_their_limits_unchanged,
        add::rejects_invalid_fields,
        add::rejects_a_duplicate_sku_and_names_the_existing_product,
        add::treats_skus_as_case_sensitive,
        add::one_of_several_concurrent_adds_wins,
        add::a_price_may_start_in_the_past,
        add_many::returns_an_outcome_per_item_in_order,
        add_many::a_repeat_reports_existing_products,
        add_many::accepts_at_most_a_thousand_items,
        add_many::concurrent_calls_add_each_product_once,
        browse::lists_products_in_bytewise_sku_order,
        browse::pages_neither_repeat_nor_skip_products,
        browse::pages_stay_consistent_while_the_catalog_changes,
        browse::a_category_lists_only_its_own_products,
        browse::a_page_has_at_most_a_hundred_products,
        browse::a_token_is_valid_for_its_own_list_only,
        browse::a_damaged_token_is_rejected,
        browse::looks_up_products_in_the_requested_order,
        browse::looks_up_at_most_a_thousand_products,
        browse::an_unknown_id_fails,
        change::changes_given_fields_and_keeps_the_rest,
        change::equal_values_keep_the_version,
        change::rejects_any_other_version,
        change::a_repeat_returns_the_first_result,
        change::one_of_several_concurrent_changes_wins,
        change::rejects_invalid_fields,
        change::discontinuing_is_final_and_repeatable,
        prices::a_new_price_becomes_the_newest_in_the_history,
        prices::an_unchanged_price_writes_nothing,
        prices::the_last_price_at_the_same_time_wins,
        prices::rejects_invalid_prices,
        prices::a_slow_clock_does_not_restore_an_old_price,
        prices::concurrent_price_changes_are_all_applied,
        prices::the_history_is_paged,
        prices::a_history_token_is_valid_for_its_own_product_only,
        record_prices::the_latest_start_time_sets_the_current_price,
        record_prices::one_price_per_product_and_start_time,
        record_prices::returns_an_outcome_per_item_in_order,
        record_prices::accepts_at_most_a_thousand_items,
        record_prices::overlapping_calls_do_not_deadlock,
        schema::the_tables_match_their_declaration,
        search::finds_the_same_products_in_the_same_order_on_both_engines,
        search::pages_match_the_full_result,
        search::lists_only_active_products_of_the_category,
        search::finds_changed_words_and_forgets_old_ones,
        search::rejects_a_search_without_words,
        search::accepts_the_longest_search,
    ])
}
