//! Tests of the product search. Both engines must return exactly the lists in this file.

use catalog_api::v1::{CatalogError, MAX_SEARCH_CHARS, NewProduct, Product, ProductChanges};
use offshoot_contract::Page;

use crate::T;
use crate::builders::{NewProductExt, a_product, add_product, all_skus, skus};

/// SKU, name, description.
const CORPUS: [(&str, &str, &str); 15] = [
    ("10", "RED LANTERN", "A lantern."),
    ("11", "LANTERN", "Red, of metal."),
    ("12", "SMALL RED METAL LANTERN", ""),
    ("13", "Lantern", "For the garden"),
    ("14", "CANDLE HOLDER", "Looks like a lantern, red and old."),
    ("15", "LANTERN RED", ""),
    ("21", "Café crème set", "Für zwei"),
    ("22", "CAFE SIGN", "Émaillé"),
    ("23", "SET OF 6 T-LIGHTS", "6 lights; 12\" high"),
    ("24", "6 RIBBONS", "not 66"),
    ("25", "LIGHTS", "the lights of Łódź and Straße"),
    ("85123A", "HEART OF WHITE METAL", "compare 85123B"),
    ("85123B", "85123A COPY", ""),
    ("AND", "OR NOT NEAR", "東京 タワー"),
    ("a-b", "ＦＵＬＬ ｗｉｄｔｈ", "snake_case 1e5 3.14"),
];

/// A search text and the SKUs of the result, best match first.
const SEARCHES: [(&str, &[&str]); 30] = [
    // The whole name ranks first, then names that contain the words, shorter names first, then descriptions, then SKUs.
    ("lantern", &["11", "13", "10", "15", "12", "14"]),
    ("red lantern", &["10", "15", "12", "11", "14"]),
    ("lantern red", &["15", "10", "12", "11", "14"]),
    ("red red", &["10", "15", "12", "11", "14"]),
    // A whole SKU ranks before everything.
    ("85123A", &["85123A", "85123B"]),
    ("85123b", &["85123B", "85123A"]),
    // Case, diacritics and compatibility forms are folded in both texts and searches.
    ("LANTERN", &["11", "13", "10", "15", "12", "14"]),
    ("cafe", &["22", "21"]),
    ("CAFÉ", &["22", "21"]),
    ("cafe\u{301} creme", &["21"]),
    ("emaille", &["22"]),
    ("fur", &["21"]),
    ("full width", &["a-b"]),
    ("ＬＡＮＴＥＲＮ", &["11", "13", "10", "15", "12", "14"]),
    ("STRASSE", &["25"]),
    ("łódź", &["25"]),
    // Digits form words; only whole words match.
    ("6", &["24", "23"]),
    ("66", &["24"]),
    ("12", &["12", "23"]),
    ("lant", &[]),
    ("lanterns", &[]),
    ("light", &[]),
    // Punctuation separates words in texts and searches and has no other meaning.
    ("t-lights", &["23"]),
    ("t lights", &["23"]),
    ("'lights\" OR: (6)*", &[]),
    ("snake case", &["a-b"]),
    ("1e5 3,14", &["a-b"]),
    // Operators of the engines' query languages are plain words.
    ("not", &["AND", "24"]),
    ("and", &["AND", "25", "14"]),
    ("東京", &["AND"]),
];

async fn load(t: &T) {
    let product = |&(sku, name, description): &(&str, &str, &str)| a_product(sku).named(name).described(description);
    let products: Vec<NewProduct> = CORPUS.iter().map(product).collect();
    t.api.add_many(&mut t.cx(), products).await.unwrap();
}

async fn search(t: &T, search: &str) -> Page<Product> {
    t.api
        .browse(&mut t.cx(), Some(search.to_owned()), None, None, None)
        .await
        .unwrap()
}

pub(crate) async fn finds_the_same_products_in_the_same_order_on_both_engines(t: T) {
    load(&t).await;
    for (words, expected) in SEARCHES {
        assert_eq!(skus(&search(&t, words).await), expected, "{words}");
    }
}

pub(crate) async fn pages_match_the_full_result(t: T) {
    load(&t).await;
    // Names of equal length are ordered by SKU.
    for sku in ["x1", "x2", "x3"] {
        add_product(&t, a_product(sku).named("OLD LANTERN")).await;
    }
    let whole: Vec<String> = search(&t, "lantern")
        .await
        .items
        .into_iter()
        .map(|product| product.sku)
        .collect();
    assert_eq!(whole, ["11", "13", "10", "15", "x1", "x2", "x3", "12", "14"]);
    for size in 1..=10 {
        assert_eq!(all_skus(&t, Some("Lantern"), size).await, whole, "pages of {size}");
    }
}

pub(crate) async fn lists_only_active_products_of_the_category(t: T) {
    for (sku, category) in [("A", "garden"), ("B", "kitchen"), ("C", "garden")] {
        add_product(&t, a_product(sku).named("RED POT").within(category)).await;
    }
    let ended = add_product(&t, a_product("D").named("RED POT").within("garden")).await;
    t.api.discontinue(&mut t.cx(), ended.id).await.unwrap();
    let (words, category) = (Some("red".to_owned()), Some("garden".to_owned()));
    let page = t.api.browse(&mut t.cx(), words, category, None, None).await.unwrap();
    assert_eq!(skus(&page), ["A", "C"]);
    assert_eq!(skus(&search(&t, "red").await), ["A", "B", "C"]);
}

pub(crate) async fn finds_changed_words_and_forgets_old_ones(t: T) {
    let product = add_product(&t, a_product("A").named("OLD NAME").described("old text")).await;
    let changes = ProductChanges {
        name: Some("NEW NAME".to_owned()),
        description: Some("new text".to_owned()),
        category: None,
    };
    t.api.change(&mut t.cx(), product.id, 1, changes).await.unwrap();
    for (words, expected) in [
        ("old", &[][..]),
        ("new", &["A"]),
        ("name", &["A"]),
        ("text", &["A"]),
        ("a", &["A"]),
    ] {
        assert_eq!(skus(&search(&t, words).await), expected, "{words}");
    }
}

pub(crate) async fn rejects_a_search_without_words(t: T) {
    load(&t).await;
    let too_long = "a".repeat(MAX_SEARCH_CHARS + 1);
    for words in ["", " ", "-", "\"*\"", "£", "\0", "\u{301}", &too_long] {
        let refused = t
            .api
            .browse(&mut t.cx(), Some(words.to_owned()), None, None, None)
            .await;
        assert!(
            matches!(refused, Err(CatalogError::InvalidSearch { .. })),
            "{words:?}: {refused:?}"
        );
    }
}

pub(crate) async fn accepts_the_longest_search(t: T) {
    load(&t).await;
    let padded = format!("lantern{}", " ".repeat(MAX_SEARCH_CHARS - 7));
    assert_eq!(search(&t, &padded).await.items.len(), 6);
    // The compatibility form of this character is four words.
    add_product(&t, a_product("N").named("\u{fdfa}")).await;
    let four_hundred_words = "\u{fdfa} ".repeat(MAX_SEARCH_CHARS / 2);
    assert_eq!(skus(&search(&t, &four_hundred_words).await), ["N"]);
}
