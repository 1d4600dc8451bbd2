//! Tests of `add_many`.

use std::collections::BTreeMap;

use catalog_api::v1::{AddOutcome, CatalogError, MAX_BULK_ITEMS, NewProduct};

use crate::T;
use crate::builders::{NewProductExt, a_product, add_product, pounds};

pub(crate) async fn returns_an_outcome_per_item_in_order(t: T) {
    let holder = add_product(&t, a_product("B")).await.id;
    let given = vec![
        a_product("C"),
        a_product("B").named("NOT THE FIRST B"),
        a_product("A").within("No Category"),
        a_product("C").named("NOT THE FIRST C"),
        a_product("c").priced("1.00"),
    ];
    let outcomes = t.once.add_many(&mut t.cx(), given).await.unwrap();
    let [
        AddOutcome::Added { id: upper },
        AddOutcome::Exists { id: b },
        rejected,
        duplicate,
        lower,
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!(*b, holder);
    assert!(
        matches!(rejected, AddOutcome::Rejected { field, .. } if field == "category"),
        "{rejected:?}"
    );
    assert_eq!(*duplicate, AddOutcome::Exists { id: *upper });
    assert_eq!(t.api.product(&mut t.cx(), *upper).await.unwrap().name, "PRODUCT C");
    assert_eq!(t.api.product(&mut t.cx(), holder).await.unwrap().name, "PRODUCT B");
    let AddOutcome::Added { id: lower } = *lower else {
        panic!("{lower:?}")
    };
    let history = t.api.price_history(&mut t.cx(), lower, None, None).await.unwrap();
    assert_eq!(
        history.items.iter().map(|point| point.price).collect::<Vec<_>>(),
        [pounds("1.00")]
    );
    assert_eq!(t.api.add_many(&mut t.cx(), Vec::new()).await, Ok(Vec::new()));
}

pub(crate) async fn a_repeat_reports_existing_products(t: T) {
    let given = vec![a_product("A"), a_product("B")];
    let first = t.once.add_many(&mut t.cx(), given.clone()).await.unwrap();
    let second = t.once.add_many(&mut t.cx(), given).await.unwrap();
    let expected: Vec<_> = first
        .iter()
        .map(|outcome| match outcome {
            AddOutcome::Added { id } => AddOutcome::Exists { id: *id },
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(second, expected);
}

pub(crate) async fn accepts_at_most_a_thousand_items(t: T) {
    let products = |count: usize| -> Vec<NewProduct> { (0..count).map(|n| a_product(&format!("{n:04}"))).collect() };
    let refused = t.api.add_many(&mut t.cx(), products(MAX_BULK_ITEMS + 1)).await;
    assert_eq!(
        refused,
        Err(CatalogError::TooManyItems {
            given: 1_001,
            limit: 1_000
        })
    );
    assert_eq!(
        t.api.browse(&mut t.cx(), None, None, None, None).await.unwrap().items,
        []
    );

    let outcomes = t.api.add_many(&mut t.cx(), products(MAX_BULK_ITEMS)).await.unwrap();
    assert_eq!(outcomes.len(), MAX_BULK_ITEMS);
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, AddOutcome::Added { .. }))
    );
}

pub(crate) async fn concurrent_calls_add_each_product_once(t: T) {
    let calls = (0..6).map(|number| {
        let mut products: Vec<_> = (0..100).map(|n| a_product(&format!("{n:02}"))).collect();
        if number % 2 == 1 {
            products.reverse();
        }
        let (api, mut cx) = (t.once.clone(), t.cx());
        tokio::spawn(async move {
            let skus: Vec<_> = products.iter().map(|product| product.sku.clone()).collect();
            (skus, api.add_many(&mut cx, products).await)
        })
    });
    let mut added = BTreeMap::new();
    let mut existing = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let (skus, outcomes) = call.await.unwrap();
        for (sku, outcome) in skus.into_iter().zip(outcomes.unwrap()) {
            match outcome {
                AddOutcome::Added { id } => assert_eq!(added.insert(sku.clone(), id), None, "{sku} was added twice"),
                AddOutcome::Exists { id } => existing.push((sku, id)),
                rejected => panic!("{sku}: {rejected:?}"),
            }
        }
    }
    assert_eq!((added.len(), existing.len()), (100, 500));
    assert!(existing.iter().all(|(sku, id)| added[sku] == *id));
}
