//! Provider outages: no connection, late answers and lost answers.

use offshoot_contract::{CallFailure, FailureKind};
use payments::{AuthorizationState, ProviderFailure};
use payments_api::v1::{PaymentStatus, PaymentsError};

use crate::T;
use crate::authorizing::{authorize, capture, settle, status, void};
use crate::scripted_provider::Fault;

fn failure(error: PaymentsError) -> CallFailure {
    match error {
        PaymentsError::Call(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// `tok_fail_once`: in some placements a switch repeats the call, in others the test does.
pub(crate) async fn a_call_is_repeated_after_a_short_provider_outage(t: T) {
    let first = authorize(&t, "a", 5, "tok_fail_once").await;
    if let Err(error) = first {
        let failure = failure(error);
        assert_eq!(failure.kind(), &FailureKind::Unavailable);
        assert_eq!(status(&t, "a").await, PaymentStatus::Pending);
    }
    let payment = authorize(&t, "a", 5, "tok_fail_once").await.unwrap();
    assert_eq!(payment.status, PaymentStatus::Authorized);
}

/// `tok_timeout`: the amount is held, and the answer comes after the timeout.
pub(crate) async fn a_late_authorization_is_settled_later(t: T) {
    let failure = failure(authorize(&t, "a", 5, "tok_timeout").await.unwrap_err());
    assert_eq!(failure.kind(), &FailureKind::Timeout);
    assert!(failure.may_have_executed());
    assert_eq!(status(&t, "a").await, PaymentStatus::Pending);
    assert_eq!(settle(&t, "a").await.unwrap().status, PaymentStatus::Authorized);
    capture(&t, "a").await.unwrap();
    assert_eq!(t.fakes.call_count("authorize"), 1);
}

pub(crate) async fn an_authorization_that_never_arrived_becomes_void(t: T) {
    t.fakes.inject("authorize", Fault::FailBefore(ProviderFailure::Unknown));
    authorize(&t, "a", 5, "tok_visa").await.unwrap_err();
    assert_eq!(settle(&t, "a").await.unwrap().status, PaymentStatus::Voided);
    assert_eq!(
        t.fakes.state_of("a").await,
        Some(AuthorizationState::Voided),
        "the provider refuses a late authorization"
    );
    let error = settle(&t, "b").await.unwrap_err();
    assert!(matches!(error, PaymentsError::UnknownPayment { .. }), "{error:?}");
    t.fakes.inject("authorize", Fault::FailAfter(ProviderFailure::Unknown));
    authorize(&t, "c", 5, "tok_declined").await.unwrap_err();
    let declined = settle(&t, "c").await.unwrap();
    assert_eq!(
        (declined.status, declined.decline_reason.is_some()),
        (PaymentStatus::Declined, true)
    );
}

pub(crate) async fn a_pending_payment_can_be_authorized_again_or_voided(t: T) {
    t.fakes.inject("authorize", Fault::FailAfter(ProviderFailure::Unknown));
    authorize(&t, "a", 5, "tok_visa").await.unwrap_err();
    assert_eq!(
        authorize(&t, "a", 5, "tok_visa").await.unwrap().status,
        PaymentStatus::Authorized
    );
    t.fakes.inject("authorize", Fault::FailAfter(ProviderFailure::Unknown));
    authorize(&t, "b", 5, "tok_visa").await.unwrap_err();
    void(&t, "b").await.unwrap();
    assert_eq!(
        (status(&t, "b").await, t.fakes.state_of("b").await),
        (PaymentStatus::Voided, Some(AuthorizationState::Voided))
    );
}

pub(crate) async fn a_capture_or_void_with_a_lost_answer_can_be_repeated(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    t.fakes.inject("capture", Fault::FailAfter(ProviderFailure::Unknown));
    let lost = failure(capture(&t, "a").await.unwrap_err());
    assert!(lost.may_have_executed());
    assert_eq!(capture(&t, "a").await.unwrap().status, PaymentStatus::Captured);
    authorize(&t, "b", 5, "tok_visa").await.unwrap();
    t.fakes.inject("void", Fault::FailAfter(ProviderFailure::Unknown));
    failure(void(&t, "b").await.unwrap_err());
    void(&t, "b").await.unwrap();
    assert_eq!(status(&t, "b").await, PaymentStatus::Voided);
}
