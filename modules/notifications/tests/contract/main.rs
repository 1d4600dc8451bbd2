//! Contract tests of the notifications module, in every combination of engine and placement. Knows the contract and the
//! order events. Must not know the tables.

#![expect(clippy::unwrap_used, reason = "a failed test body panics")]

use std::process::ExitCode;
use std::sync::Arc;

use notifications::Notifications;
use notifications_api::v1::NotificationsApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};

// Order events for the tests.
mod order_events;
// Test bodies, by subject.
mod lists;
mod schema;
mod writing;

struct NotificationsUnderTest;

impl ModuleUnderTest for NotificationsUnderTest {
    type Api = dyn NotificationsApi;
    type Fakes = ();
    const SCHEMA: &'static ModuleSchema = &notifications::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, _: Arc<dyn Clock>) -> (Arc<dyn NotificationsApi>, ()) {
        (Arc::new(Notifications::new(db)), ())
    }
}

type T = Test<NotificationsUnderTest>;

fn main() -> ExitCode {
    contract_tests::<NotificationsUnderTest>(bodies![
        writing::each_event_of_an_order_causes_a_notice_in_order,
        writing::an_order_that_was_only_placed_has_no_notice,
        writing::an_imported_sale_has_no_notice,
        writing::an_event_delivered_twice_causes_two_notices,
        lists::pages_continue_where_the_previous_page_ended,
        lists::page_tokens_of_other_lists_are_rejected,
        schema::the_tables_are_those_declared,
    ])
}
