//! Contract tests of the reporting in every combination of engine and placement. Knows the contract and the order
//! events. Must not know the tables.

#![expect(clippy::unwrap_used, reason = "a failed test body panics")]

use std::process::ExitCode;
use std::sync::Arc;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};
use reporting::Reporting;
use reporting_api::v1::ReportingApi;

// Order events and report queries for the tests.
mod order_events;
// Test bodies by theme.
mod projecting;
mod queries;
mod refusals;
mod schema;

struct ReportingUnderTest;

impl ModuleUnderTest for ReportingUnderTest {
    type Api = dyn ReportingApi;
    type Fakes = ();
    const SCHEMA: &'static ModuleSchema = &reporting::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, _: Arc<dyn Clock>) -> (Arc<dyn ReportingApi>, ()) {
        (Arc::new(Reporting::new(db)), ())
    }
}

type T = Test<ReportingUnderTest>;

fn main() -> ExitCode {
    contract_tests::<ReportingUnderTest>(bodies![
        queries::a_query_without_dimensions_returns_one_row,
        queries::each_dimension_groups_the_orders,
        queries::dimensions_can_be_combined,
        queries::an_order_counts_once_per_group,
        queries::filters_exclude_other_orders,
        queries::rows_are_sorted_as_requested,
        queries::more_reports_rows_beyond_the_limit,
        queries::every_grouping_has_the_same_totals,
        projecting::an_order_counts_in_its_latest_state,
        projecting::an_older_event_changes_nothing,
        projecting::a_rebuilt_projection_is_the_same,
        projecting::a_total_out_of_range_rejects_the_event,
        refusals::invalid_questions_are_rejected,
        refusals::texts_cannot_inject_sql,
        schema::the_tables_match_their_declaration,
    ])
}
