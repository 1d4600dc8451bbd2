//! Manual stock adjustments: tests of `adjust`, `stock` and `stock_of`.

use inventory_api::v1::{AdjustmentKind, InventoryError, MovementKind, ProductId, Stock};
use offshoot_contract::Timestamp;

use crate::T;

pub(crate) fn product() -> ProductId {
    ProductId::new(Timestamp::from_micros(0).unwrap())
}

/// Adds units to the stock.
pub(crate) async fn receive(t: &T, id: ProductId, units: i64) {
    let kind = AdjustmentKind::Received;
    t.api
        .adjust(&mut t.cx(), id, kind, units, "purchase".to_owned())
        .await
        .unwrap();
}

/// On hand, reserved, available.
pub(crate) async fn levels(t: &T, id: ProductId) -> [u64; 3] {
    let stock = t.api.stock(&mut t.cx(), id).await.unwrap();
    [stock.on_hand, stock.reserved, stock.available]
}

pub(crate) async fn adjustments_change_the_stock_and_the_ledger(t: T) {
    let (id, other) = (product(), product());
    assert_eq!(levels(&t, id).await, [0, 0, 0], "a product without movements");
    receive(&t, id, 10).await;
    let kind = AdjustmentKind::Adjusted;
    let stock = t
        .api
        .adjust(&mut t.cx(), id, kind, -3, "broken".to_owned())
        .await
        .unwrap();
    assert_eq!((stock.on_hand, stock.available), (7, 7));
    receive(&t, id, 1).await;
    let stocks = t.api.stock_of(&mut t.cx(), vec![other, id, id]).await.unwrap();
    let on_hand: Vec<_> = stocks
        .iter()
        .map(|stock: &Stock| (stock.product_id, stock.on_hand))
        .collect();
    assert_eq!(on_hand, [(other, 0), (id, 8), (id, 8)]);
    let error = t.api.stock_of(&mut t.cx(), vec![id; 1_001]).await.unwrap_err();
    assert_eq!(
        error,
        InventoryError::TooManyItems {
            given: 1_001,
            limit: 1_000
        }
    );
    let page = t.api.movements(&mut t.cx(), id, None, None).await.unwrap();
    let ledger: Vec<_> = page
        .items
        .iter()
        .map(|entry| (entry.kind, entry.change, entry.note.as_str()))
        .collect();
    assert!(ledger.contains(&(MovementKind::Adjusted, -3, "broken")), "{ledger:?}");
    assert_eq!(page.items.iter().map(|entry| entry.change).sum::<i64>(), 8);
}

pub(crate) async fn reserved_or_missing_units_cannot_be_removed(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    crate::reserving::reserve(&t, "a", &[(id, 8)]).await.unwrap();
    let kind = AdjustmentKind::Adjusted;
    let error = t
        .api
        .adjust(&mut t.cx(), id, kind, -3, String::new())
        .await
        .unwrap_err();
    let InventoryError::InsufficientStock { shortages } = error else {
        panic!("{error:?}")
    };
    assert_eq!((shortages[0].requested, shortages[0].available), (3, 2));
    t.api.adjust(&mut t.cx(), id, kind, -2, String::new()).await.unwrap();
    assert_eq!(levels(&t, id).await, [8, 8, 0]);
    let error = t
        .api
        .adjust(&mut t.cx(), product(), kind, -1, String::new())
        .await
        .unwrap_err();
    assert!(matches!(error, InventoryError::InsufficientStock { .. }), "{error:?}");
}

pub(crate) async fn invalid_changes_are_rejected(t: T) {
    use AdjustmentKind::{Adjusted, Received};
    let id = product();
    for (kind, change, note, expected) in [
        (Received, 0, "", "change"),
        (Received, -1, "", "change"),
        (Adjusted, 0, "", "change"),
        (Adjusted, 1_000_001, "", "change"),
        (Adjusted, i64::MIN, "", "change"),
        (Received, 1, &*"x".repeat(201), "note"),
    ] {
        let error = t
            .api
            .adjust(&mut t.cx(), id, kind, change, note.to_owned())
            .await
            .unwrap_err();
        let InventoryError::InvalidMovement { field, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(field, expected);
    }
    assert_eq!(levels(&t, id).await, [0, 0, 0]);
}
