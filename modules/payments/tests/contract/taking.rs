//! Held money: taken, or let go.

use payments::{Found, ProviderFailure};
use payments_api::v1::{PaymentStatus, PaymentToken, PaymentsError};

use crate::T;
use crate::holding::{authorize, capture, pounds, settle, status, void};
use crate::scripted::Disturbance;

pub(crate) async fn the_whole_amount_is_taken_once(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    let payment = capture(&t, "a").await.unwrap();
    assert_eq!((payment.status, payment.captured), (PaymentStatus::Captured, pounds(5)));
    assert_eq!(capture(&t, "a").await.unwrap(), payment);
    assert_eq!(t.world.calls("capture"), 1);
    assert_eq!(authorize(&t, "a", 5, "tok_visa").await.unwrap(), payment);
    assert_eq!(settle(&t, "a").await.unwrap(), payment);
}

pub(crate) async fn only_held_money_can_be_taken(t: T) {
    let error = capture(&t, "a").await.unwrap_err();
    assert!(matches!(error, PaymentsError::UnknownPayment { .. }), "{error:?}");
    t.world.next("authorize", Disturbance::Before(ProviderFailure::Unknown));
    authorize(&t, "a", 5, "tok_visa").await.unwrap_err();
    let error = capture(&t, "a").await.unwrap_err();
    assert!(matches!(error, PaymentsError::NotAuthorized { .. }), "{error:?}");
}

pub(crate) async fn a_provider_may_refuse(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    let reason = "the hold has expired".to_owned();
    t.world
        .next("capture", Disturbance::Before(ProviderFailure::Refused { reason }));
    let error = capture(&t, "a").await.unwrap_err();
    assert!(
        matches!(error, PaymentsError::CaptureRefused { ref reason, .. } if reason.contains("expired")),
        "{error:?}"
    );
    assert_eq!(status(&t, "a").await, PaymentStatus::Authorized);
    void(&t, "a").await.unwrap();
}

pub(crate) async fn held_money_can_be_let_go(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    void(&t, "a").await.unwrap();
    void(&t, "a").await.unwrap();
    assert_eq!(t.world.found("a").await, Some(Found::Voided));
    for error in [
        authorize(&t, "a", 5, "tok_visa").await.unwrap_err(),
        capture(&t, "a").await.unwrap_err(),
    ] {
        assert!(matches!(error, PaymentsError::PaymentVoided { .. }), "{error:?}");
    }
    let error = void(&t, "a b").await.unwrap_err();
    assert!(matches!(error, PaymentsError::InvalidPayment { .. }), "{error:?}");
}

pub(crate) async fn taken_money_is_not_let_go(t: T) {
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    capture(&t, "a").await.unwrap();
    let error = void(&t, "a").await.unwrap_err();
    assert!(matches!(error, PaymentsError::PaymentCaptured { .. }), "{error:?}");
    assert_eq!(status(&t, "a").await, PaymentStatus::Captured);
}

pub(crate) async fn what_was_voided_before_it_was_asked_for_is_refused(t: T) {
    void(&t, "late").await.unwrap();
    assert_eq!(status(&t, "late").await, PaymentStatus::Voided);
    let error = authorize(&t, "late", 5, "tok_visa").await.unwrap_err();
    assert!(matches!(error, PaymentsError::PaymentVoided { .. }), "{error:?}");
    assert_eq!(
        t.world.found("late").await,
        Some(Found::Voided),
        "the provider will refuse it too"
    );
}

/// The provider is asked, does not answer yet, and meanwhile the payment is voided.
pub(crate) async fn voided_while_the_provider_decides_holds_nothing(t: T) {
    t.world.next("authorize", Disturbance::Waits);
    let (mut slow, mut quick) = (t.cx(), t.cx());
    let token = PaymentToken::new("tok_visa");
    let authorizing = t.once.authorize(&mut slow, "a".to_owned(), pounds(5), token);
    let voiding = async {
        while t.world.calls("authorize") == 0 {
            tokio::task::yield_now().await;
        }
        t.once.void(&mut quick, "a".to_owned()).await.unwrap();
        t.world.gate.add_permits(1);
    };
    let (authorized, ()) = tokio::join!(Box::pin(authorizing), Box::pin(voiding));
    let error = authorized.unwrap_err();
    // The provider knew of the void first, so it refused.
    assert!(
        matches!(
            error,
            PaymentsError::PaymentVoided { .. } | PaymentsError::PaymentDeclined { .. }
        ),
        "{error:?}"
    );
    assert_eq!(t.world.found("a").await, Some(Found::Voided));
    assert_eq!(status(&t, "a").await, PaymentStatus::Voided);
}
