//! The payments' contract, tested in every combination of engine and placement. Knows the contract, not the tables, and a
//! provider that is the sandbox behind a script.

#![expect(clippy::unwrap_used, reason = "a body fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};
use payments::{Payments, PaymentsSettings};
use payments_api::v1::PaymentsApi;

use crate::scripted::Scripted;

// The provider.
mod scripted;
// The bodies, by theme.
mod holding;
mod lists;
mod outages;
mod refunds;
mod schema;
mod secrets;
mod taking;

/// Long for a sandbox in memory, and short for a test that waits for it to pass.
const PROVIDER_TIMEOUT: Duration = Duration::from_millis(400);

struct PaymentsUnderTest;

impl ModuleUnderTest for PaymentsUnderTest {
    type Api = dyn PaymentsApi;
    type World = Arc<Scripted>;
    const SCHEMA: &'static ModuleSchema = &payments::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn PaymentsApi>, Arc<Scripted>) {
        let provider = Arc::new(Scripted::new(PROVIDER_TIMEOUT));
        let settings = PaymentsSettings {
            provider_timeout: PROVIDER_TIMEOUT,
        };
        let payments = Payments::new(db, clock, Arc::clone(&provider) as _, settings);
        (Arc::new(payments), provider)
    }
}

type T = Test<PaymentsUnderTest>;

fn main() -> ExitCode {
    secrets::listen();
    contract_tests::<PaymentsUnderTest>(bodies![
        holding::an_approved_payment_is_held,
        holding::a_reference_means_one_payment_for_ever,
        holding::a_declined_payment_stays_declined,
        holding::at_once_holds_once,
        holding::what_makes_no_sense_is_refused,
        taking::the_whole_amount_is_taken_once,
        taking::only_held_money_can_be_taken,
        taking::a_provider_may_refuse,
        taking::held_money_can_be_let_go,
        taking::taken_money_is_not_let_go,
        taking::what_was_voided_before_it_was_asked_for_is_refused,
        taking::voided_while_the_provider_decides_holds_nothing,
        refunds::come_to_no_more_than_was_taken,
        refunds::count_once,
        refunds::at_once_come_to_no_more_than_was_taken,
        refunds::need_money_that_was_taken,
        outages::a_provider_that_is_away_for_a_moment_is_asked_again,
        outages::a_late_answer_is_found_later,
        outages::an_authorization_that_never_arrived_is_void,
        outages::what_is_pending_can_be_asked_for_again,
        outages::a_lost_answer_is_asked_for_again,
        lists::payments_are_listed_by_status,
        secrets::no_card_and_no_token_is_kept_or_logged,
        schema::the_tables_are_those_declared,
    ])
}
