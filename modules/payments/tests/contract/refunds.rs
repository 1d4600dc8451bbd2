//! Money that is given back.

use futures_util::future::join_all;
use payments::ProviderFailure;
use payments_api::v1::{Payment, PaymentsError};

use crate::T;
use crate::holding::{authorize, capture, pounds};
use crate::scripted::Disturbance;

async fn refund(t: &T, reference: &str, name: &str, units: i64) -> Result<Payment, PaymentsError> {
    t.api
        .refund(&mut t.cx(), reference.to_owned(), name.to_owned(), pounds(units))
        .await
}

async fn taken(t: &T, reference: &str, units: i64) {
    authorize(t, reference, units, "tok_visa").await.unwrap();
    capture(t, reference).await.unwrap();
}

pub(crate) async fn come_to_no_more_than_was_taken(t: T) {
    taken(&t, "a", 5).await;
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

pub(crate) async fn count_once(t: T) {
    taken(&t, "a", 5).await;
    taken(&t, "b", 5).await;
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
    // Done, and the answer was lost: asked again, the provider does nothing twice.
    t.world.next("refund", Disturbance::After(ProviderFailure::Unknown));
    refund(&t, "a", "two", 1).await.unwrap_err();
    assert_eq!(refund(&t, "a", "two", 1).await.unwrap().refunded, pounds(3));
}

pub(crate) async fn at_once_come_to_no_more_than_was_taken(t: T) {
    taken(&t, "a", 5).await;
    let refunds = (0..6).map(|n| {
        let t = &t;
        Box::pin(async move {
            t.once
                .refund(&mut t.cx(), "a".to_owned(), format!("r{n}"), pounds(2))
                .await
        })
    });
    let given = join_all(refunds).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(given, 2);
    assert_eq!(
        t.api.payment(&mut t.cx(), "a".to_owned()).await.unwrap().refunded,
        pounds(4)
    );
}

pub(crate) async fn need_money_that_was_taken(t: T) {
    let error = refund(&t, "a", "one", 1).await.unwrap_err();
    assert!(matches!(error, PaymentsError::UnknownPayment { .. }), "{error:?}");
    authorize(&t, "a", 5, "tok_visa").await.unwrap();
    let error = refund(&t, "a", "one", 1).await.unwrap_err();
    assert!(matches!(error, PaymentsError::NotCaptured { .. }), "{error:?}");
}
