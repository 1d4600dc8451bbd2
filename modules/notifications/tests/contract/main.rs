//! Contract tests of the notifications, in every combination of engine and placement. They know the contract and the
//! events, not the tables.

#![expect(clippy::unwrap_used, reason = "a body fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use notifications::Notifications;
use notifications_api::v1::NotificationsApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};

// Events of the orders.
mod news;
// Test bodies, by subject.
mod lists;
mod schema;
mod telling;

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
        telling::each_turn_of_an_order_is_told_in_order,
        telling::an_order_that_was_only_placed_is_not_told,
        telling::a_sale_from_elsewhere_is_not_told,
        telling::a_double_would_be_seen,
        lists::go_on_where_a_page_ended,
        lists::tokens_of_other_lists_are_refused,
        schema::the_tables_are_those_declared,
    ])
}
