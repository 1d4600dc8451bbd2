//! Tests of `change` and `discontinue`.

use std::time::Duration;

use catalog_api::v1::{CatalogError, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, Product, ProductChanges, ProductStatus};
use offshoot_contract::Clock;

use crate::T;
use crate::builders::{NewProductExt, a_product, add_product, skus, unknown_id};

fn renamed(name: &str) -> ProductChanges {
    ProductChanges {
        name: Some(name.to_owned()),
        ..ProductChanges::default()
    }
}

pub(crate) async fn changes_given_fields_and_keeps_the_rest(t: T) {
    let before = add_product(&t, a_product("A").described("Old.").within("home-decor")).await;
    t.clock.advance(Duration::from_secs(1));
    let named = t
        .api
        .change(&mut t.cx(), before.id, 1, renamed("LANTERN"))
        .await
        .unwrap();
    let expected = Product {
        name: "LANTERN".to_owned(),
        version: 2,
        updated_at: t.clock.now(),
        ..before.clone()
    };
    assert_eq!(named, expected);
    let rest = ProductChanges {
        name: None,
        description: Some(String::new()),
        category: Some("garden".to_owned()),
    };
    let changed = t.api.change(&mut t.cx(), before.id, 2, rest).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str()), ("LANTERN", ""));
    assert_eq!((changed.category.as_str(), changed.version), ("garden", 3));
    assert_eq!(t.api.product(&mut t.cx(), before.id).await, Ok(changed));
}

pub(crate) async fn equal_values_keep_the_version(t: T) {
    let product = add_product(&t, a_product("A")).await;
    t.clock.advance(Duration::from_secs(1));
    let same = renamed(&product.name);
    assert_eq!(
        t.api.change(&mut t.cx(), product.id, 1, same).await,
        Ok(product.clone())
    );
    assert_eq!(
        t.api
            .change(&mut t.cx(), product.id, 1, ProductChanges::default())
            .await,
        Ok(product)
    );
}

pub(crate) async fn rejects_any_other_version(t: T) {
    let id = add_product(&t, a_product("A")).await.id;
    let second = t.api.change(&mut t.cx(), id, 1, renamed("SECOND")).await.unwrap();
    for (version, name) in [(1, "THIRD"), (0, "SECOND"), (3, "SECOND"), (u32::MAX, "SECOND")] {
        let refused = t.api.change(&mut t.cx(), id, version, renamed(name)).await;
        let conflict = CatalogError::VersionConflict {
            id,
            expected: version,
            current: 2,
        };
        assert_eq!(refused, Err(conflict), "{version} {name}");
    }
    assert_eq!(t.api.product(&mut t.cx(), id).await, Ok(second));
}

pub(crate) async fn a_repeat_returns_the_first_result(t: T) {
    let id = add_product(&t, a_product("A")).await.id;
    let first = t.once.change(&mut t.cx(), id, 1, renamed("SECOND")).await.unwrap();
    t.clock.advance(Duration::from_secs(1));
    assert_eq!(t.once.change(&mut t.cx(), id, 1, renamed("SECOND")).await, Ok(first));
}

pub(crate) async fn one_of_several_concurrent_changes_wins(t: T) {
    let id = add_product(&t, a_product("A")).await.id;
    let changing = (0..6).map(|number| {
        let (api, mut cx) = (t.once.clone(), t.cx());
        tokio::spawn(async move { api.change(&mut cx, id, 1, renamed(&format!("NUMBER {number}"))).await })
    });
    let mut winners = Vec::new();
    for task in changing.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(product) => winners.push(product),
            Err(error) => assert!(
                matches!(error, CatalogError::VersionConflict { current: 2, .. }),
                "{error:?}"
            ),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(t.api.product(&mut t.cx(), id).await.as_ref(), Ok(&winners[0]));
}

pub(crate) async fn rejects_invalid_fields(t: T) {
    let product = add_product(&t, a_product("A")).await;
    let changes = |name: Option<String>, description: Option<String>, category: Option<&str>| ProductChanges {
        name,
        description,
        category: category.map(str::to_owned),
    };
    for (expected, changes) in [
        ("name", changes(Some(String::new()), None, None)),
        ("name", changes(Some("é".repeat(MAX_NAME_CHARS + 1)), None, None)),
        (
            "description",
            changes(None, Some("é".repeat(MAX_DESCRIPTION_CHARS + 1)), None),
        ),
        ("description", changes(None, Some("\0".to_owned()), None)),
        ("category", changes(None, None, Some("Garden"))),
    ] {
        match t.api.change(&mut t.cx(), product.id, 1, changes).await {
            Err(CatalogError::InvalidProduct { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert_eq!(t.api.product(&mut t.cx(), product.id).await, Ok(product));
    let id = unknown_id();
    assert_eq!(
        t.api.change(&mut t.cx(), id, 1, renamed("X")).await,
        Err(CatalogError::UnknownProduct { id })
    );
}

pub(crate) async fn discontinuing_is_final_and_repeatable(t: T) {
    let product = add_product(&t, a_product("A")).await;
    t.clock.advance(Duration::from_secs(1));
    let ended = t.api.discontinue(&mut t.cx(), product.id).await.unwrap();
    let expected = Product {
        status: ProductStatus::Discontinued,
        version: 2,
        updated_at: t.clock.now(),
        ..product
    };
    assert_eq!(ended, expected);
    t.clock.advance(Duration::from_secs(1));
    assert_eq!(t.api.discontinue(&mut t.cx(), ended.id).await, Ok(ended.clone()));
    assert_eq!(t.api.product(&mut t.cx(), ended.id).await, Ok(ended.clone()));
    assert_eq!(t.api.products_by_id(&mut t.cx(), vec![ended.id]).await, Ok(vec![ended]));
    let browsed = t.api.browse(&mut t.cx(), None, None, None, None).await.unwrap();
    assert_eq!(skus(&browsed), Vec::<&str>::new());
    let id = unknown_id();
    assert_eq!(
        t.api.discontinue(&mut t.cx(), id).await,
        Err(CatalogError::UnknownProduct { id })
    );
}
