//! The reporting's contract, tested in every combination of engine and placement. Knows the contract and what is
//! announced, and not the tables.

#![expect(clippy::unwrap_used, reason = "a body fails by its panic")]

use std::process::ExitCode;
use std::sync::Arc;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema};
use offshoot_testkit::{ModuleUnderTest, Test, bodies, contract_tests};
use reporting::Reporting;
use reporting_api::v1::ReportingApi;

// What the reporting is told.
mod news;
// The bodies, by theme.
mod asking;
mod copying;
mod refusals;
mod schema;

struct ReportingUnderTest;

impl ModuleUnderTest for ReportingUnderTest {
    type Api = dyn ReportingApi;
    type World = ();
    const SCHEMA: &'static ModuleSchema = &reporting::SCHEMA;
    const SOURCES: &'static str = env!("CARGO_MANIFEST_DIR");

    fn build(db: Db, _: Arc<dyn Clock>) -> (Arc<dyn ReportingApi>, ()) {
        (Arc::new(Reporting::new(db)), ())
    }
}

type T = Test<ReportingUnderTest>;

fn main() -> ExitCode {
    contract_tests::<ReportingUnderTest>(bodies![
        asking::the_whole_is_one_row,
        asking::each_dimension_divides_it,
        asking::dimensions_cross,
        asking::an_order_counts_once_in_each_group,
        asking::conditions_leave_out_the_rest,
        asking::rows_come_in_the_order_asked_for,
        asking::more_rows_than_asked_for_are_told,
        asking::every_division_adds_up_to_the_whole,
        copying::an_order_counts_as_it_stands,
        copying::an_older_event_changes_nothing,
        copying::a_copy_made_anew_is_the_same,
        copying::a_sum_that_does_not_fit_is_the_events_fault,
        refusals::what_makes_no_sense_is_refused,
        refusals::no_text_becomes_part_of_a_statement,
        schema::the_tables_are_those_declared,
    ])
}
