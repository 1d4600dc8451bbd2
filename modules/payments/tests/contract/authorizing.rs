//! Authorization of payments, and shortcuts for calls to the payments module.

use futures_util::future::join_all;
use offshoot_contract::Money;
use payments_api::v1::{Payment, PaymentStatus, PaymentToken, PaymentsError};

use crate::T;

pub(crate) fn pounds(units: i64) -> Money {
    Money::new(units * 10_000, Money::GBP)
}

pub(crate) async fn authorize(t: &T, reference: &str, units: i64, token: &str) -> Result<Payment, PaymentsError> {
    let token = PaymentToken::new(token);
    t.api
        .authorize(&mut t.cx(), reference.to_owned(), pounds(units), token)
        .await
}

pub(crate) async fn capture(t: &T, reference: &str) -> Result<Payment, PaymentsError> {
    t.api.capture(&mut t.cx(), reference.to_owned()).await
}

pub(crate) async fn void(t: &T, reference: &str) -> Result<(), PaymentsError> {
    t.api.void(&mut t.cx(), reference.to_owned()).await
}

pub(crate) async fn settle(t: &T, reference: &str) -> Result<Payment, PaymentsError> {
    t.api.settle(&mut t.cx(), reference.to_owned()).await
}

pub(crate) async fn status(t: &T, reference: &str) -> PaymentStatus {
    t.api.payment(&mut t.cx(), reference.to_owned()).await.unwrap().status
}

pub(crate) async fn an_approved_payment_is_authorized(t: T) {
    let payment = authorize(&t, "a", 5, "tok_visa").await.unwrap();
    assert_eq!((payment.status, payment.amount), (PaymentStatus::Authorized, pounds(5)));
    assert_eq!((payment.captured, payment.refunded), (pounds(0), pounds(0)));
    assert_eq!(t.api.payment(&mut t.cx(), "a".to_owned()).await.unwrap(), payment);
    assert_eq!(settle(&t, "a").await.unwrap(), payment);
    let error = t.api.payment(&mut t.cx(), "b".to_owned()).await.unwrap_err();
    assert!(matches!(error, PaymentsError::UnknownPayment { .. }), "{error:?}");
}

pub(crate) async fn a_reference_identifies_one_payment_for_ever(t: T) {
    let payment = authorize(&t, "a", 5, "tok_visa").await.unwrap();
    assert_eq!(
        authorize(&t, "a", 5, "tok_declined").await.unwrap(),
        payment,
        "the token of a repeat is ignored"
    );
    assert_eq!(t.fakes.call_count("authorize"), 1);
    let error = authorize(&t, "a", 6, "tok_visa").await.unwrap_err();
    assert!(
        matches!(error, PaymentsError::PaymentDiffers { amount, .. } if amount == pounds(5)),
        "{error:?}"
    );
}

pub(crate) async fn a_declined_payment_stays_declined(t: T) {
    for (reference, token) in [("a", "tok_declined"), ("b", "tok_nonsense")] {
        let first = authorize(&t, reference, 5, token).await.unwrap_err();
        assert!(matches!(first, PaymentsError::PaymentDeclined { .. }), "{first:?}");
        assert_eq!(authorize(&t, reference, 5, "tok_visa").await.unwrap_err(), first);
        assert_eq!(status(&t, reference).await, PaymentStatus::Declined);
        void(&t, reference).await.unwrap();
        let error = capture(&t, reference).await.unwrap_err();
        assert!(matches!(error, PaymentsError::PaymentDeclined { .. }), "{error:?}");
        assert_eq!(status(&t, reference).await, PaymentStatus::Declined);
    }
}

pub(crate) async fn concurrent_authorizations_hold_the_amount_once(t: T) {
    let calls = (0..6).map(|_| {
        Box::pin(async {
            let token = PaymentToken::new("tok_visa");
            t.once.authorize(&mut t.cx(), "a".to_owned(), pounds(5), token).await
        })
    });
    for payment in join_all(calls).await {
        assert_eq!(payment.unwrap().status, PaymentStatus::Authorized);
    }
    capture(&t, "a").await.unwrap();
    assert_eq!(
        t.api.payments(&mut t.cx(), None, None, None).await.unwrap().items.len(),
        1
    );
}

pub(crate) async fn invalid_requests_are_rejected(t: T) {
    for (reference, units, token, expected) in [
        ("", 5, "tok_visa", "reference"),
        ("a b", 5, "tok_visa", "reference"),
        (&*"x".repeat(101), 5, "tok_visa", "reference"),
        ("a", 0, "tok_visa", "amount"),
        ("a", -5, "tok_visa", "amount"),
        ("a", 5, "", "token"),
        ("a", 5, "4242 4242 4242 4242", "token"),
    ] {
        if reference.is_empty() && t.combination.to_string().contains("remote") {
            // An empty reference cannot be part of a URL path.
            continue;
        }
        let error = authorize(&t, reference, units, token).await.unwrap_err();
        let PaymentsError::InvalidPayment { field, reason } = error else {
            panic!("{error:?}")
        };
        assert_eq!(field, expected);
        assert!(!reason.contains("4242"), "{reason}");
    }
    assert_eq!(t.fakes.call_count("authorize"), 0);
    assert_eq!(t.api.payments(&mut t.cx(), None, None, None).await.unwrap().items, []);
}
