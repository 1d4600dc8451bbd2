//! Contract tests of the orders module, in every combination of engine and placement. The tests know the contract and
//! not the tables. Carts, inventory and payments are stubs that lose calls: the module must work with any
//! implementation of these contracts.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{Body, ModuleUnderTest, Test, bodies, contract_tests};
use orders_api::v1::OrdersApi;

use crate::fixture::Fixture;

// Test doubles of the modules that orders call.
mod stub_carts;
mod stub_inventory;
mod stub_payments;
// Fixture, and the invariants that hold after every test.
mod fixture;
mod invariants;
// The tests, by theme: checkout,
mod checkout;
mod idempotency;
mod refusals;
// outages and takeovers,
mod failures;
mod outages;
mod resuming;
mod takeover;
// cancellations and returns,
mod cancellations;
mod returns;
// lists, recorded sales and revenue.
mod lists;
mod revenue;
mod sales;
mod schema;

struct OrdersUnderTest;

impl ModuleUnderTest for OrdersUnderTest {
    type Api = dyn OrdersApi;
    type Fakes = Fixture;
    const SCHEMA: &'static ModuleSchema = &orders::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn OrdersApi>, Fixture) {
        let fixture = Fixture::new(db, clock);
        (Arc::clone(&fixture.orders) as Arc<dyn OrdersApi>, fixture)
    }
}

type T = Test<OrdersUnderTest>;

fn main() -> ExitCode {
    let bodies = [checkout_bodies(), outage_bodies(), other_bodies()];
    contract_tests::<OrdersUnderTest>(bodies.into_iter().flatten().collect())
}

fn checkout_bodies() -> Vec<Body<OrdersUnderTest>> {
    bodies![
        checkout::an_order_has_the_lines_and_prices_of_the_cart,
        checkout::stock_ships_once_and_the_payment_is_captured_once,
        checkout::a_cart_with_the_most_lines_becomes_one_order,
        checkout::an_order_keeps_its_prices,
        checkout::a_failed_order_frees_its_cart,
        checkout::concurrent_checkouts_never_oversell,
        refusals::an_invalid_email_is_refused,
        refusals::an_invalid_country_is_refused,
        refusals::an_unusable_cart_is_refused,
        refusals::old_prices_are_refused,
        refusals::a_cart_is_ordered_once,
        refusals::a_product_not_for_sale_is_named,
        refusals::lines_with_too_little_stock_are_named,
        refusals::a_declined_payment_releases_the_reservation,
        refusals::a_card_number_as_token_is_declined,
        idempotency::a_repeated_call_gets_the_recorded_response,
        idempotency::other_arguments_need_another_key,
        idempotency::concurrent_calls_under_one_key_make_one_order,
        idempotency::concurrent_calls_under_many_keys_make_one_order_of_a_cart,
        idempotency::a_repeated_call_waits_for_the_first_call,
        idempotency::a_repeated_call_without_time_returns_the_pending_order,
        idempotency::a_repeated_call_resumes_an_interrupted_checkout,
        idempotency::a_repeated_call_gets_the_failure_of_the_order,
        idempotency::a_call_repeated_days_later_finds_the_order,
    ]
}

fn outage_bodies() -> Vec<Body<OrdersUnderTest>> {
    bodies![
        outages::an_outage_of_carts_is_reported_and_leaves_no_order,
        outages::an_outage_before_confirmation_leaves_the_order_pending,
        outages::an_outage_after_confirmation_does_not_fail_the_order,
        outages::an_outage_during_the_undo_does_not_hide_the_failure,
        outages::an_outage_during_a_return_does_not_stop_the_return,
        outages::a_hanging_call_ends_with_the_deadline,
        outages::an_inventory_clock_that_is_behind_is_waited_out,
        outages::an_outage_of_all_modules_is_waited_out,
        failures::a_refused_capture_returns_the_stock,
        failures::a_voided_payment_returns_the_stock,
        failures::a_released_reservation_fails_the_order,
        failures::an_expired_reservation_ships_while_stock_lasts,
        failures::an_expired_reservation_without_stock_fails_the_order,
        failures::a_late_decision_of_the_provider_decides_the_order,
        failures::an_unexpected_error_decides_nothing,
        resuming::an_order_is_taken_over_once_its_lease_has_expired,
        resuming::processes_that_resume_at_once_execute_a_saga_once,
        resuming::closed_orders_are_not_touched,
        resuming::the_pause_between_attempts_grows,
        resuming::a_failing_order_does_not_delay_others,
        resuming::resuming_does_not_disturb_a_return,
        takeover::a_late_call_changes_nothing,
        takeover::a_late_response_changes_nothing,
        takeover::a_late_failure_changes_nothing,
        takeover::only_the_latest_execution_writes,
        takeover::a_refusal_of_an_old_execution_does_not_undo_the_order,
        takeover::an_undo_is_not_abandoned,
        takeover::stock_does_not_ship_for_a_failed_order,
        takeover::effects_of_an_old_execution_are_undone,
        takeover::a_late_return_takes_effect_once,
    ]
}

fn other_bodies() -> Vec<Body<OrdersUnderTest>> {
    bodies![
        cancellations::a_cancellation_refunds_and_restocks_everything,
        cancellations::a_cancellation_after_a_return_covers_the_rest,
        cancellations::a_cancellation_after_full_returns_refunds_nothing,
        cancellations::an_order_with_an_open_saga_cannot_be_cancelled,
        cancellations::only_confirmed_orders_of_this_store_can_be_cancelled,
        cancellations::concurrent_cancellations_refund_once,
        returns::partial_returns_refund_the_price_paid,
        returns::returning_more_than_is_left_is_refused,
        returns::a_return_names_each_line_once,
        returns::only_confirmed_orders_of_this_store_can_be_returned,
        returns::a_return_under_one_key_happens_once,
        returns::a_repeated_call_resumes_an_interrupted_return,
        returns::a_repeated_call_waits_for_the_first_call,
        returns::concurrent_returns_are_serialized,
        lists::the_newest_order_comes_first,
        lists::a_customer_filter_hides_other_orders,
        lists::pages_cover_every_order_once,
        lists::a_list_accepts_only_its_own_page_tokens,
        sales::sales_are_recorded_unchanged,
        sales::a_number_identifies_a_sale,
        sales::invalid_sales_are_rejected_one_by_one,
        sales::sales_at_the_limits_are_recorded,
        sales::concurrent_calls_record_each_sale_once,
        sales::too_many_sales_or_lines_are_refused,
        revenue::revenue_is_sales_less_credits,
        revenue::months_are_in_utc,
        revenue::revenue_has_one_row_per_country_and_currency,
        revenue::revenue_without_sales_is_empty,
        schema::the_tables_match_their_declaration,
    ]
}
