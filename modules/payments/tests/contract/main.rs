//! Contract tests of the payments in every combination of engine and placement, with a scripted sandbox as provider.
//! Must not know the tables.

#![expect(clippy::unwrap_used, reason = "a failed test body panics")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};
use payments::{Payments, PaymentsSettings};
use payments_api::v1::PaymentsApi;

use crate::scripted_provider::ScriptedProvider;

// The sandbox provider with injected faults.
mod scripted_provider;
// Test bodies by theme.
mod authorizing;
mod capturing;
mod lists;
mod outages;
mod refunds;
mod schema;
mod secrets;

/// Long enough for a sandbox in memory, and short enough for tests that wait for the timeout.
const PROVIDER_TIMEOUT: Duration = Duration::from_millis(400);

struct PaymentsUnderTest;

impl ModuleUnderTest for PaymentsUnderTest {
    type Api = dyn PaymentsApi;
    type Fakes = Arc<ScriptedProvider>;
    const SCHEMA: &'static ModuleSchema = &payments::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<dyn PaymentsApi>, Arc<ScriptedProvider>) {
        let provider = Arc::new(ScriptedProvider::new(PROVIDER_TIMEOUT));
        let settings = PaymentsSettings {
            provider_timeout: PROVIDER_TIMEOUT,
        };
        let payments = Payments::new(db, clock, Arc::clone(&provider) as _, settings);
        (Arc::new(payments), provider)
    }
}

type T = Test<PaymentsUnderTest>;

fn main() -> ExitCode {
    secrets::capture_log();
    contract_tests::<PaymentsUnderTest>(bodies![
        authorizing::an_approved_payment_is_authorized,
        authorizing::a_reference_identifies_one_payment_for_ever,
        authorizing::a_declined_payment_stays_declined,
        authorizing::concurrent_authorizations_hold_the_amount_once,
        authorizing::invalid_requests_are_rejected,
        capturing::the_whole_amount_is_captured_once,
        capturing::only_an_authorized_payment_can_be_captured,
        capturing::the_provider_may_refuse_a_capture,
        capturing::an_authorized_payment_can_be_voided,
        capturing::a_captured_payment_cannot_be_voided,
        capturing::a_reference_voided_before_the_authorization_is_refused,
        capturing::a_payment_voided_while_the_provider_decides_holds_nothing,
        refunds::never_exceed_the_captured_amount,
        refunds::are_executed_once,
        refunds::never_exceed_the_captured_amount_when_concurrent,
        refunds::need_a_captured_payment,
        outages::a_call_is_repeated_after_a_short_provider_outage,
        outages::a_late_authorization_is_settled_later,
        outages::an_authorization_that_never_arrived_becomes_void,
        outages::a_pending_payment_can_be_authorized_again_or_voided,
        outages::a_capture_or_void_with_a_lost_answer_can_be_repeated,
        lists::payments_are_listed_by_status,
        secrets::no_card_number_and_no_token_is_stored_or_logged,
        schema::the_tables_match_their_declaration,
    ])
}
