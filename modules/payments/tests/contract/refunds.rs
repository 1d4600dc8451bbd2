//! Refunds of captured payments.

use futures_util::future::join_all;
use payments::ProviderFailure;
use payments_api::v1::{Payment, PaymentsError};

use crate::T;
use crate::authorizing::{authorize, capture, pounds};
use crate::scripted_provider::Fault;

async fn refund(t: &T, reference: &str, name: &str, units: i64) -> Result<Payment, PaymentsError> {
    t.api
        .refund(&mut t.cx(), reference.to_owned(), name.to_owned(), pounds(units))
        .await
}

async fn capture_new(t: &T, reference: &str, units: i64) {
    authorize(t, reference, units, "tok_visa").await.unwrap();
    capture(t, reference).await.unwrap();
}

pub(crate) async fn never_exceed_the_captured_amount(t: T) {
    capture_new(&t, "a", 5).await;
    assert_eq!(refund(&t, "a", "one", 2).await.unwrap().refunded, pounds(2));
    let error = refund(&t, "a", "two", 4).await.unwrap_err();
    assert!(
        matches!(error, PaymentsError::RefundTooLarge { left, .. } if left == pounds(3)),
        "{error:?}"
    );
    assert_eq!(refund(&t, "a", "two", 3).await.unwrap().refunded, pounds(5));
    let error = refund(&t, "a", "three", 0).await.unwrap_err();
    assert!(matches!(error, PaymentsError::InvalidPayment { .. }), "{error:?}");
}

pub(crate) async fn are_executed_once(t: T) {
    capture_new(&t, "a", 5).await;
    capture_new(&t, "b", 5).await;
    let first = refund(&t, "a", "one", 2).await.unwrap();
    assert_eq!(refund(&t, "a", "one", 2).await.unwrap(), first);
    for error in [
        refund(&t, "a", "one", 3).await.unwrap_err(),
        refund(&t, "b", "one", 2).await.unwrap_err(),
    ] {
        assert!(
            matches!(error, PaymentsError::RefundDiffers { amount, .. } if amount == pounds(2)),
            "{error:?}"
        );
    }
    // The provider executes the refund and the answer is lost. A repeat executes nothing twice.
    t.fakes.inject("refund", Fault::FailAfter(ProviderFailure::Unknown));
    refund(&t, "a", "two", 1).await.unwrap_err();
    assert_eq!(refund(&t, "a", "two", 1).await.unwrap().refunded, pounds(3));
}

pub(crate) async fn never_exceed_the_captured_amount_when_concurrent(t: T) {
    capture_new(&t, "a", 5).await;
    let refunds = (0..6).map(|n| {
        let t = &t;
        Box::pin(async move {
            t.once
                .refund(&mut t.cx(), "a".to_owned(), format!("r{n}"), pounds(2))
                .await
        })
    });
    let succeeded = join_all(refunds).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(succeeded, 2);
    assert_eq!(
        t.api.payment(&mut t.cx(), "a".to_owned()).await.unwrap().refunded,
        pounds(4)
    );
}

pub(crate) async fn need_a_captured_payment(t: T) {
    let error = refund(&t, "a", "one", 1).await.unwrap_err();
    assert!(matches!(error, PaymentsError::UnknownPayment { .. }), "{error:?}");
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    let error = refund(&t, "a", "one", 1).await.unwrap_err();
    assert!(matches!(error, PaymentsError::NotCaptured { .. }), "{error:?}");
}
