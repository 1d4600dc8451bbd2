//! Section "Health and stopping".

use crate::expectation::Expectation;
use crate::probe::Probe;
use crate::tester::Tester;

pub(super) async fn send(tester: &mut Tester) {
    tester.expect("live", Probe::get("/health/live"), one_of(&[200])).await;
    tester
        .expect("ready", Probe::get("/health/ready"), one_of(&[200, 503]))
        .await;
}

fn one_of(statuses: &'static [u16]) -> Expectation {
    Box::new(|answer| match statuses.contains(&answer.status) {
        true => Ok(()),
        false => Err(format!("the answer is {}", answer.status)),
    })
}
