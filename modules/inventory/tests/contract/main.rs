//! Contract tests of the inventory in every combination of engine and placement. Must not know the tables.

#![expect(clippy::unwrap_used, reason = "a failed test body panics")]

use std::process::ExitCode;
use std::sync::Arc;

use inventory::Inventory;
use inventory_api::v1::InventoryApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};

// Test bodies by theme.
mod adjusting;
mod lists;
mod recording;
mod reserving;
mod rush;
mod schema;

struct InventoryUnderTest;

impl ModuleUnderTest for InventoryUnderTest {
    type Api = dyn InventoryApi;
    /// The inventory itself, for the background expiry, which is not part of the contract.
    type Fakes = Arc<Inventory>;
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
        adjusting::adjustments_change_the_stock_and_the_ledger,
        adjusting::reserved_or_missing_units_cannot_be_removed,
        adjusting::invalid_changes_are_rejected,
        recording::each_movement_has_an_outcome,
        recording::a_reference_is_recorded_once,
        recording::concurrent_repeats_are_recorded_once,
        recording::too_many_movements_are_rejected,
        reserving::a_reservation_reduces_the_available_units,
        reserving::all_lines_are_reserved_or_none,
        reserving::a_reference_identifies_one_reservation_for_ever,
        reserving::a_commit_removes_the_units_once,
        reserving::a_released_reservation_returns_its_units,
        reserving::a_reference_released_before_being_reserved_is_refused,
        reserving::a_committed_reservation_cannot_be_released,
        reserving::an_overdue_reservation_expires,
        reserving::an_expired_reservation_can_be_committed_while_units_are_available,
        reserving::invalid_reservations_are_rejected,
        rush::the_last_units_are_reserved_exactly_once,
        rush::reservations_in_opposite_order_do_not_deadlock,
        rush::the_ledger_equals_the_stock_after_concurrent_calls,
        lists::balances_are_the_sums_of_the_ledger,
        lists::movements_are_listed_newest_first,
        lists::reservations_are_listed_by_state,
        lists::tokens_of_other_lists_are_rejected,
        schema::the_tables_match_their_declaration,
    ])
}
