//! The catalog's contract, tested in every combination of engine and placement. Knows the contract, not the tables.

#![expect(clippy::unwrap_used, reason = "a body fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use catalog::Catalog;
use catalog_api::v1::CatalogApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};

// Products to begin with.
mod builders;
// The bodies, by use case.
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
    type World = ();
    const SCHEMA: &'static ModuleSchema = &catalog::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn CatalogApi>, ()) {
        (Arc::new(Catalog::new(db, clock)), ())
    }
}

type T = Test<CatalogUnderTest>;

fn main() -> ExitCode {
    contract_tests::<CatalogUnderTest>(bodies![
        add::answers_the_product_as_it_is_then_found,
        add::takes_texts_at_their_limits_and_gives_them_back,
        add::refuses_what_no_product_has,
        add::refuses_a_taken_sku_and_names_its_holder,
        add::tells_skus_apart_by_case,
        add::of_several_at_once_one_wins,
        add::a_price_may_hold_since_the_past,
        add_many::answers_an_outcome_for_each_in_order,
        add_many::a_repeat_finds_what_the_first_added,
        add_many::takes_a_thousand_and_no_more,
        add_many::of_the_same_at_once_each_is_added_once,
        browse::is_in_the_order_of_the_bytes_of_the_sku,
        browse::pages_neither_repeat_nor_leave_out,
        browse::pages_hold_while_the_catalog_changes,
        browse::a_category_shows_only_itself,
        browse::a_page_has_at_most_a_hundred,
        browse::a_token_belongs_to_its_list,
        browse::a_damaged_token_is_refused,
        browse::looks_up_in_the_order_asked_for,
        browse::looks_up_a_thousand_and_no_more,
        browse::an_unknown_id_is_no_product,
        change::changes_what_is_given_and_leaves_the_rest,
        change::the_same_values_raise_no_version,
        change::refuses_a_version_that_has_passed,
        change::answers_its_repeat_like_the_first_time,
        change::of_two_at_once_one_wins,
        change::refuses_what_no_product_has,
        change::discontinues_once_and_for_all,
        prices::a_new_price_is_the_newest_of_the_history,
        prices::the_same_price_writes_nothing,
        prices::of_one_moment_the_last_price_counts,
        prices::refuses_what_is_no_price,
        prices::a_slow_clock_does_not_bring_an_old_price_back,
        prices::at_once_none_is_lost,
        prices::the_history_comes_in_pages,
        prices::a_history_token_belongs_to_its_product,
        record_prices::the_latest_time_sets_the_price,
        record_prices::one_price_per_product_and_time,
        record_prices::answers_an_outcome_for_each_in_order,
        record_prices::takes_a_thousand_and_no_more,
        record_prices::calls_that_overlap_do_not_block_each_other,
        schema::the_tables_are_those_declared,
        search::finds_the_same_in_the_same_order_everywhere,
        search::pages_like_it_lists,
        search::shows_only_what_is_sold_in_the_category,
        search::follows_a_change_of_the_words,
        search::refuses_what_has_no_word,
        search::takes_the_longest_search,
    ])
}
