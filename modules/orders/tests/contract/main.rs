//! The orders' contract, tested in every combination of engine and placement. Knows the contract, not the tables, and
//! carts, an inventory and payments that are stubs: the orders must work with anything that keeps their contracts,
//! however often a call of theirs is lost.

#![expect(clippy::unwrap_used, reason = "a body fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{Body, ModuleUnderTest, Test, bodies, contract_tests};
use orders_api::v1::OrdersApi;

use crate::shop::Shop;

// The modules that the orders need, and what goes wrong on the way to them.
mod faults;
mod stub_carts;
mod stub_inventory;
mod stub_payments;
// How a body buys, and what must be true whatever has happened.
mod books;
mod shop;
// The bodies, by theme: buying,
mod buying;
mod keys;
mod refusals;
// what is broken off,
mod outages;
mod overtaking;
mod setbacks;
mod sweeping;
// what comes back,
mod cancelling;
mod returning;
// and what was sold.
mod lists;
mod revenue;
mod sales;
mod schema;

struct OrdersUnderTest;

impl ModuleUnderTest for OrdersUnderTest {
    type Api = dyn OrdersApi;
    type World = Shop;
    const SCHEMA: &'static ModuleSchema = &orders::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn OrdersApi>, Shop) {
        let shop = Shop::new(db, clock);
        (Arc::clone(&shop.orders) as Arc<dyn OrdersApi>, shop)
    }
}

type T = Test<OrdersUnderTest>;

fn main() -> ExitCode {
    let bodies = [bought(), broken_off(), come_back()];
    contract_tests::<OrdersUnderTest>(bodies.into_iter().flatten().collect())
}

fn bought() -> Vec<Body<OrdersUnderTest>> {
    bodies![
        buying::what_is_in_the_cart_makes_the_order,
        buying::goods_and_money_change_hands_once,
        buying::a_full_cart_is_one_order,
        buying::the_order_keeps_its_prices,
        buying::an_order_that_failed_frees_its_cart,
        buying::of_the_last_goods_serves_as_many_as_there_are,
        refusals::an_address_has_to_be_one,
        refusals::a_country_has_to_be_one,
        refusals::a_cart_has_to_be_there,
        refusals::prices_must_not_be_old,
        refusals::a_cart_is_ordered_once,
        refusals::what_is_not_sold_any_more_is_named,
        refusals::what_falls_short_is_named,
        refusals::a_declined_payment_holds_nothing,
        refusals::a_card_number_is_no_token,
        keys::the_same_key_is_the_same_order,
        keys::other_arguments_need_another_key,
        keys::calls_at_once_are_one_order,
        keys::two_keys_at_once_are_one_order_of_a_cart,
        keys::a_repeat_waits_for_the_first_call,
        keys::a_repeat_that_cannot_wait_says_what_is_known,
        keys::a_repeat_goes_on_where_the_first_call_was_broken_off,
        keys::a_repeat_is_told_what_failed,
        keys::a_repeat_days_later_finds_the_order,
    ]
}

fn broken_off() -> Vec<Body<OrdersUnderTest>> {
    bodies![
        outages::of_the_carts_are_named_and_leave_nothing,
        outages::before_an_order_is_confirmed_leave_it_pending,
        outages::after_it_is_confirmed_do_not_stop_it,
        outages::while_it_is_undone_do_not_hide_that_it_failed,
        outages::while_goods_come_back_do_not_stop_them,
        outages::that_hang_end_with_the_deadline,
        outages::of_the_clock_are_waited_out,
        outages::of_everything_are_waited_out,
        setbacks::money_that_cannot_be_taken_brings_the_goods_back,
        setbacks::money_that_somebody_let_go_brings_the_goods_back,
        setbacks::goods_that_somebody_let_go_end_the_order,
        setbacks::a_promise_that_ran_out_is_kept_while_there_is_enough,
        setbacks::a_promise_that_ran_out_fails_without_goods,
        setbacks::a_slow_provider_decides_the_order,
        setbacks::an_answer_that_makes_no_sense_decides_nothing,
        sweeping::takes_over_when_the_lease_has_run_out,
        sweeping::twice_at_once_does_it_once,
        sweeping::leaves_what_is_closed_alone,
        sweeping::waits_longer_each_time,
        sweeping::one_that_cannot_be_finished_keeps_nobody_else,
        sweeping::cannot_hurt_a_return,
        overtaking::a_call_that_arrives_too_late_changes_nothing,
        overtaking::a_call_that_is_answered_too_late_changes_nothing,
        overtaking::a_call_that_fails_too_late_changes_nothing,
        overtaking::only_the_last_to_take_it_up_goes_on,
        overtaking::an_old_refusal_does_not_undo_the_order,
        overtaking::an_undoing_is_not_turned_round,
        overtaking::goods_do_not_leave_for_an_order_that_failed,
        overtaking::what_left_and_was_paid_meanwhile_comes_back,
        overtaking::a_late_return_comes_back_once,
    ]
}

fn come_back() -> Vec<Body<OrdersUnderTest>> {
    bodies![
        cancelling::gives_all_back,
        cancelling::after_a_return_gives_the_rest_back,
        cancelling::after_everything_came_back_gives_nothing,
        cancelling::waits_until_nothing_is_under_way,
        cancelling::needs_a_confirmed_order_of_this_shop,
        cancelling::twice_at_once_gives_back_once,
        returning::some_of_it_gives_back_what_was_paid,
        returning::more_than_is_left_is_refused,
        returning::has_to_name_lines_once,
        returning::needs_a_confirmed_order_of_this_shop,
        returning::under_a_key_happens_once,
        returning::a_repeat_goes_on_where_the_first_call_was_broken_off,
        returning::a_repeat_waits_for_the_first_call,
        returning::twice_at_once_is_one_after_the_other,
        lists::show_the_newest_first,
        lists::of_a_customer_show_no_other,
        lists::are_walked_page_by_page,
        lists::take_their_own_tokens_only,
        sales::are_recorded_as_they_were,
        sales::are_known_by_their_number,
        sales::that_are_not_acceptable_are_rejected_one_by_one,
        sales::that_are_just_good_enough_are_recorded,
        sales::at_once_are_recorded_once,
        sales::come_in_limited_numbers,
        revenue::is_what_was_sold_less_what_came_back,
        revenue::has_its_months_in_utc,
        revenue::has_one_row_per_country_and_currency,
        revenue::of_nothing_is_nothing,
        schema::the_tables_are_those_declared,
    ]
}
