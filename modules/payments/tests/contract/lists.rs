//! The paged list of payments.

use payments_api::v1::{PaymentStatus, PaymentsError};

use crate::T;
use crate::authorizing::{authorize, capture};

pub(crate) async fn payments_are_listed_by_status(t: T) {
    for reference in ["a", "b", "c", "d"] {
        authorize(&t, reference, 5, "tok_visa").await.unwrap();
    }
    capture(&t, "b").await.unwrap();
    authorize(&t, "e", 5, "tok_declined").await.unwrap_err();
    let list = async |status, token| {
        let page = t.api.payments(&mut t.cx(), status, Some(3), token).await.unwrap();
        let names: Vec<_> = page.items.iter().map(|payment| payment.reference.clone()).collect();
        (names.join(" "), page.next_page_token)
    };
    let (first, token) = list(None, None).await;
    assert_eq!(
        (first.as_str(), list(None, token.clone()).await.0.as_str()),
        ("a b c", "d e")
    );
    assert_eq!(list(Some(PaymentStatus::Captured), None).await.0, "b");
    assert_eq!(list(Some(PaymentStatus::Declined), None).await.0, "e");
    let captured = Some(PaymentStatus::Captured);
    let error = t.api.payments(&mut t.cx(), captured, None, token).await.unwrap_err();
    assert_eq!(error, PaymentsError::BadPageToken);
}
