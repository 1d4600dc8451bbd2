//! Paged lists: balances, movements and reservations.

use std::time::Duration;

use inventory_api::v1::{InventoryError, MovementKind, NewMovement, ReservationState};
use offshoot_contract::Timestamp;

use crate::T;
use crate::adjusting::{product, receive};
use crate::recording::movement;
use crate::reserving::reserve;

pub(crate) async fn balances_are_the_sums_of_the_ledger(t: T) {
    let mut products: Vec<_> = (0..5).map(|_| product()).collect();
    for &id in &products {
        receive(&t, id, 10).await;
    }
    let id = products[0];
    let movements = vec![
        movement(id, MovementKind::Adjusted, -1, "1"),
        movement(id, MovementKind::Sold, -4, "2"),
        movement(id, MovementKind::Returned, 2, "3"),
    ];
    t.api.record_many(&mut t.cx(), movements).await.unwrap();
    reserve(&t, "a", &[(id, 3), (products[1], 1)]).await.unwrap();
    products.sort_unstable();
    let (mut listed, mut token) = (Vec::new(), None);
    loop {
        let page = t.api.balances(&mut t.cx(), Some(2), token).await.unwrap();
        assert!(page.items.len() <= 2);
        listed.extend(page.items);
        token = page.next_page_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(
        listed
            .iter()
            .map(|balance| balance.stock.product_id)
            .collect::<Vec<_>>(),
        products
    );
    let balance = listed.iter().find(|balance| balance.stock.product_id == id).unwrap();
    let sums = [balance.received, balance.adjusted, balance.sold, balance.returned];
    assert_eq!((sums, balance.stock.on_hand, balance.held), ([10, -1, -4, 2], 7, 3));
}

pub(crate) async fn movements_are_listed_newest_first(t: T) {
    let id = product();
    let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
    let movements = (1..=5).map(|n| NewMovement {
        at: at(n),
        ..movement(id, MovementKind::Received, n, &n.to_string())
    });
    t.api.record_many(&mut t.cx(), movements.collect()).await.unwrap();
    let first = t.api.movements(&mut t.cx(), id, Some(3), None).await.unwrap();
    let rest = t
        .api
        .movements(&mut t.cx(), id, Some(3), first.next_page_token)
        .await
        .unwrap();
    let changes: Vec<_> = first
        .items
        .iter()
        .chain(&rest.items)
        .map(|entry| entry.change)
        .collect();
    assert_eq!((changes, rest.next_page_token), (vec![5, 4, 3, 2, 1], None));
    assert_eq!(
        (first.items[0].at, first.items[0].reference.as_deref()),
        (at(5), Some("5"))
    );
}

pub(crate) async fn reservations_are_listed_by_state(t: T) {
    let id = product();
    receive(&t, id, 100).await;
    for reference in ["a", "b", "c", "d"] {
        reserve(&t, reference, &[(id, 1)]).await.unwrap();
    }
    t.api.commit(&mut t.cx(), "b".to_owned()).await.unwrap();
    t.api.release(&mut t.cx(), "c".to_owned()).await.unwrap();
    let references = async |state, token| {
        let page = t.api.reservations(&mut t.cx(), state, Some(3), token).await.unwrap();
        let names: Vec<_> = page.items.iter().map(|held| held.reference.clone()).collect();
        (names.join(" "), page.next_page_token)
    };
    let (first, token) = references(None, None).await;
    assert_eq!(
        (first.as_str(), references(None, token).await.0.as_str()),
        ("a b c", "d")
    );
    for (state, expected) in [
        (ReservationState::Held, "a d"),
        (ReservationState::Committed, "b"),
        (ReservationState::Released, "c"),
        (ReservationState::Expired, ""),
    ] {
        assert_eq!(references(Some(state), None).await.0, expected);
    }
    t.clock.advance(Duration::from_secs(3_600));
    t.fakes.expire_reservations(&mut t.cx()).await.unwrap();
    assert_eq!(references(Some(ReservationState::Expired), None).await.0, "a d");
}

pub(crate) async fn tokens_of_other_lists_are_rejected(t: T) {
    let id = product();
    for n in 0..3 {
        receive(&t, product(), n + 1).await;
    }
    let token = t
        .api
        .balances(&mut t.cx(), Some(1), None)
        .await
        .unwrap()
        .next_page_token;
    assert!(token.is_some());
    let error = t.api.movements(&mut t.cx(), id, None, token.clone()).await.unwrap_err();
    assert_eq!(error, InventoryError::BadPageToken);
    let error = t.api.reservations(&mut t.cx(), None, None, token).await.unwrap_err();
    assert_eq!(error, InventoryError::BadPageToken);
    let error = t
        .api
        .balances(&mut t.cx(), None, Some("junk".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(error, InventoryError::BadPageToken);
}
