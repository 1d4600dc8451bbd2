//! The carts' contract, tested in every combination of engine and placement. Knows the contract, not the tables, and a
//! catalog that is a stub: the carts must work with anything that keeps the catalog's contract.

#![expect(clippy::unwrap_used, reason = "a body fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use carts::{Carts, CartsSettings};
use carts_api::v1::CartsApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};

use crate::stub_catalog::StubCatalog;

// What the carts are told of products.
mod news;
mod stub_catalog;
// The bodies, by theme.
mod dependency;
mod expiry;
mod lines;
mod prices;
mod schema;
mod standing_in;
mod whole;

struct CartsUnderTest;

impl ModuleUnderTest for CartsUnderTest {
    type Api = dyn CartsApi;
    type World = Arc<StubCatalog>;
    const SCHEMA: &'static ModuleSchema = &carts::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn CartsApi>, Arc<StubCatalog>) {
        let catalog = Arc::new(StubCatalog::default());
        let carts = Carts::new(db, clock, catalog.behind_its_edge(), CartsSettings::default());
        (Arc::new(carts), catalog)
    }
}

type T = Test<CartsUnderTest>;

fn main() -> ExitCode {
    contract_tests::<CartsUnderTest>(bodies![
        lines::a_new_cart_is_empty,
        lines::stand_in_the_order_in_which_they_were_first_set,
        lines::hold_the_quantity_last_set,
        lines::are_taken_out_and_may_come_back_at_the_end,
        lines::take_quantities_up_to_the_limit,
        lines::take_only_what_is_sold_in_the_currency_of_the_cart,
        lines::need_a_cart,
        lines::of_a_full_cart_can_be_changed_but_not_added_to,
        lines::set_at_once_are_all_there,
        lines::of_one_product_set_at_once_are_one,
        whole::take_the_place_of_those_there_were,
        whole::are_taken_all_or_none,
        whole::may_be_as_many_as_a_cart_holds,
        prices::are_those_of_the_moment,
        prices::of_what_cannot_be_bought_do_not_count,
        prices::that_do_not_fit_are_refused,
        expiry::comes_when_nobody_touches_the_cart,
        expiry::moves_forward_with_each_change,
        expiry::follows_the_settings,
        expiry::is_forgotten_a_week_later,
        expiry::is_forgotten_however_many_there_are,
        dependency::a_catalog_that_is_away_is_named,
        dependency::a_cart_needs_no_catalog_to_be_made_or_emptied,
        dependency::a_product_that_the_catalog_has_lost_is_named,
        dependency::an_answer_that_the_catalog_does_not_give_is_a_failure,
        standing_in::shows_and_fills_a_cart_while_the_catalog_is_away,
        standing_in::is_not_asked_while_the_catalog_answers,
        standing_in::knows_what_is_not_sold,
        standing_in::answers_for_all_products_or_for_none,
        standing_in::of_unknown_age_answers_nothing,
        standing_in::keeps_the_latest_version,
        standing_in::stands_in_for_a_catalog_that_hangs,
        standing_in::hides_no_refusal,
        schema::the_tables_are_those_declared,
    ])
}
