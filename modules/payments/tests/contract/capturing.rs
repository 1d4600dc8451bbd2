//! Capturing and voiding of authorized payments.

use payments::{AuthorizationState, ProviderFailure};
use payments_api::v1::{PaymentStatus, PaymentToken, PaymentsError};

use crate::T;
use crate::authorizing::{authorize, capture, pounds, settle, status, void};
use crate::scripted_provider::Fault;

pub(crate) async fn the_whole_amount_is_captured_once(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    let payment = capture(&t, "a").await.unwrap();
    assert_eq!((payment.status, payment.captured), (PaymentStatus::Captured, pounds(5)));
    assert_eq!(capture(&t, "a").await.unwrap(), payment);
    assert_eq!(t.fakes.call_count("capture"), 1);
    assert_eq!(authorize(&t, "a", 5, "tok_visa").await.unwrap(), payment);
    assert_eq!(settle(&t, "a").await.unwrap(), payment);
}

pub(crate) async fn only_an_authorized_payment_can_be_captured(t: T) {
    let error = capture(&t, "a").await.unwrap_err();
    assert!(matches!(error, PaymentsError::UnknownPayment { .. }), "{error:?}");
    t.fakes.inject("authorize", Fault::FailBefore(ProviderFailure::Unknown));
    authorize(&t, "a", 5, "tok_visa").await.unwrap_err();
    let error = capture(&t, "a").await.unwrap_err();
    assert!(matches!(error, PaymentsError::NotAuthorized { .. }), "{error:?}");
}

pub(crate) async fn the_provider_may_refuse_a_capture(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    let reason = "the authorization has expired".to_owned();
    t.fakes
        .inject("capture", Fault::FailBefore(ProviderFailure::Refused { reason }));
    let error = capture(&t, "a").await.unwrap_err();
    assert!(
        matches!(error, PaymentsError::CaptureRefused { ref reason, .. } if reason.contains("expired")),
        "{error:?}"
    );
    assert_eq!(status(&t, "a").await, PaymentStatus::Authorized);
    void(&t, "a").await.unwrap();
}

pub(crate) async fn an_authorized_payment_can_be_voided(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    void(&t, "a").await.unwrap();
    void(&t, "a").await.unwrap();
    assert_eq!(t.fakes.state_of("a").await, Some(AuthorizationState::Voided));
    for error in [
        authorize(&t, "a", 5, "tok_visa").await.unwrap_err(),
        capture(&t, "a").await.unwrap_err(),
    ] {
        assert!(matches!(error, PaymentsError::PaymentVoided { .. }), "{error:?}");
    }
    let error = void(&t, "a b").await.unwrap_err();
    assert!(matches!(error, PaymentsError::InvalidPayment { .. }), "{error:?}");
}

pub(crate) async fn a_captured_payment_cannot_be_voided(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    capture(&t, "a").await.unwrap();
    let error = void(&t, "a").await.unwrap_err();
    assert!(matches!(error, PaymentsError::PaymentCaptured { .. }), "{error:?}");
    assert_eq!(status(&t, "a").await, PaymentStatus::Captured);
}

pub(crate) async fn a_reference_voided_before_the_authorization_is_refused(t: T) {
    void(&t, "late").await.unwrap();
    assert_eq!(status(&t, "late").await, PaymentStatus::Voided);
    let error = authorize(&t, "late", 5, "tok_visa").await.unwrap_err();
    assert!(matches!(error, PaymentsError::PaymentVoided { .. }), "{error:?}");
    assert_eq!(
        t.fakes.state_of("late").await,
        Some(AuthorizationState::Voided),
        "the provider refuses the reference too"
    );
}

/// The payment is voided while the authorization waits at the provider.
pub(crate) async fn a_payment_voided_while_the_provider_decides_holds_nothing(t: T) {
    t.fakes.inject("authorize", Fault::Wait);
    let (mut slow, mut quick) = (t.cx(), t.cx());
    let token = PaymentToken::new("tok_visa");
    let authorizing = t.once.authorize(&mut slow, "a".to_owned(), pounds(5), token);
    let voiding = async {
        while t.fakes.call_count("authorize") == 0 {
            tokio::task::yield_now().await;
        }
        t.once.void(&mut quick, "a".to_owned()).await.unwrap();
        t.fakes.gate.add_permits(1);
    };
    let (authorized, ()) = tokio::join!(Box::pin(authorizing), Box::pin(voiding));
    let error = authorized.unwrap_err();
    // The provider received the void first and refused the authorization.
    assert!(
        matches!(
            error,
            PaymentsError::PaymentVoided { .. } | PaymentsError::PaymentDeclined { .. }
        ),
        "{error:?}"
    );
    assert_eq!(t.fakes.state_of("a").await, Some(AuthorizationState::Voided));
    assert_eq!(status(&t, "a").await, PaymentStatus::Voided);
}
