//! A provider that is away, late, or forgets to answer.

use offshoot_contract::{CallFailure, FailureKind};
use payments::{Found, ProviderFailure};
use payments_api::v1::{PaymentStatus, PaymentsError};

use crate::T;
use crate::holding::{authorize, capture, settle, status, void};
use crate::scripted::Disturbance;

fn failure(error: PaymentsError) -> CallFailure {
    match error {
        PaymentsError::Call(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// `tok_fail_once`: whoever is nearest to the failure asks again.
pub(crate) async fn a_provider_that_is_away_for_a_moment_is_asked_again(t: T) {
    let first = authorize(&t, "a", 5, "tok_fail_once").await;
    if let Err(error) = first {
        let failure = failure(error);
        assert_eq!(failure.kind(), &FailureKind::Unavailable);
        assert_eq!(status(&t, "a").await, PaymentStatus::Pending);
    }
    let payment = authorize(&t, "a", 5, "tok_fail_once").await.unwrap();
    assert_eq!(payment.status, PaymentStatus::Authorized);
}

/// `tok_timeout`: it is held, and nobody hears of it in time.
pub(crate) async fn a_late_answer_is_found_later(t: T) {
    let failure = failure(authorize(&t, "a", 5, "tok_timeout").await.unwrap_err());
    assert_eq!(failure.kind(), &FailureKind::Timeout);
    assert!(failure.may_have_executed());
    assert_eq!(status(&t, "a").await, PaymentStatus::Pending);
    assert_eq!(settle(&t, "a").await.unwrap().status, PaymentStatus::Authorized);
    capture(&t, "a").await.unwrap();
    assert_eq!(t.world.calls("authorize"), 1);
}

pub(crate) async fn an_authorization_that_never_arrived_is_void(t: T) {
    t.world.next("authorize", Disturbance::Before(ProviderFailure::Unknown));
    authorize(&t, "a", 5, "tok_visa").await.unwrap_err();
    assert_eq!(settle(&t, "a").await.unwrap().status, PaymentStatus::Voided);
    assert_eq!(
        t.world.found("a").await,
        Some(Found::Voided),
        "one that is late is refused"
    );
    let error = settle(&t, "b").await.unwrap_err();
    assert!(matches!(error, PaymentsError::UnknownPayment { .. }), "{error:?}");
    t.world.next("authorize", Disturbance::After(ProviderFailure::Unknown));
    authorize(&t, "c", 5, "tok_declined").await.unwrap_err();
    let declined = settle(&t, "c").await.unwrap();
    assert_eq!(
        (declined.status, declined.decline_reason.is_some()),
        (PaymentStatus::Declined, true)
    );
}

pub(crate) async fn what_is_pending_can_be_asked_for_again(t: T) {
    t.world.next("authorize", Disturbance::After(ProviderFailure::Unknown));
    authorize(&t, "a", 5, "tok_visa").await.unwrap_err();
    assert_eq!(
        authorize(&t, "a", 5, "tok_visa").await.unwrap().status,
        PaymentStatus::Authorized
    );
    t.world.next("authorize", Disturbance::After(ProviderFailure::Unknown));
    authorize(&t, "b", 5, "tok_visa").await.unwrap_err();
    void(&t, "b").await.unwrap();
    assert_eq!(
        (status(&t, "b").await, t.world.found("b").await),
        (PaymentStatus::Voided, Some(Found::Voided))
    );
}

pub(crate) async fn a_lost_answer_is_asked_for_again(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    t.world.next("capture", Disturbance::After(ProviderFailure::Unknown));
    let lost = failure(capture(&t, "a").await.unwrap_err());
    assert!(lost.may_have_executed());
    assert_eq!(capture(&t, "a").await.unwrap().status, PaymentStatus::Captured);
    authorize(&t, "b", 5, "tok_visa").await.unwrap();
    t.world.next("void", Disturbance::After(ProviderFailure::Unknown));
    failure(void(&t, "b").await.unwrap_err());
    void(&t, "b").await.unwrap();
    assert_eq!(status(&t, "b").await, PaymentStatus::Voided);
}
