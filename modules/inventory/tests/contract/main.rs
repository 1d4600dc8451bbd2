//! The inventory's contract, tested in every combination of engine and placement. Knows the contract, not the tables.

#![expect(clippy::unwrap_used, reason = "a body fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use inventory::Inventory;
use inventory_api::v1::InventoryApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};

// The bodies, by theme.
mod adjusting;
mod lists;
mod recording;
mod reserving;
mod rush;
mod schema;

struct InventoryUnderTest;

impl ModuleUnderTest for InventoryUnderTest {
    type Api = dyn InventoryApi;
    /// The inventory itself, for what it does without being called.
    type World = Arc<Inventory>;
    const SCHEMA: &'static ModuleSchema = &inventory::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn InventoryApi>, Arc<Inventory>) {
        let inventory = Arc::new(Inventory::new(db, clock));
        (Arc::clone(&inventory) as Arc<dyn InventoryApi>, inventory)
    }
}

type T = Test<InventoryUnderTest>;

fn main() -> ExitCode {
    contract_tests::<InventoryUnderTest>(bodies![
        adjusting::goods_come_and_go,
        adjusting::what_is_promised_or_not_there_cannot_go,
        adjusting::a_change_must_make_sense,
        recording::each_movement_has_an_outcome,
        recording::a_reference_counts_once,
        recording::at_once_counts_once,
        recording::too_many_are_refused,
        reserving::a_promise_takes_from_what_is_available,
        reserving::all_lines_or_none,
        reserving::a_reference_means_one_thing_for_ever,
        reserving::goods_leave_once,
        reserving::a_promise_can_be_taken_back,
        reserving::what_was_released_before_it_was_made_is_refused,
        reserving::goods_that_have_left_are_not_released,
        reserving::a_promise_runs_out,
        reserving::a_promise_that_ran_out_is_kept_while_there_is_enough,
        reserving::lines_must_make_sense,
        rush::the_last_goods_go_to_as_many_as_there_are,
        rush::opposite_orders_do_not_wait_in_a_circle,
        rush::whatever_comes_at_once_the_ledger_is_the_stock,
        lists::balances_are_the_sums_of_the_ledger,
        lists::movements_are_listed_newest_first,
        lists::reservations_are_listed_by_state,
        lists::tokens_of_other_lists_are_refused,
        schema::the_tables_are_those_declared,
    ])
}
