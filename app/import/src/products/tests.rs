//! Tests of parsing product files, without a catalog.

use catalog_api::v1::NewProduct;
use offshoot_contract::Money;

use super::*;

fn options(columns: &[&str]) -> Options {
    let choices: Vec<ColumnChoice> = columns
        .iter()
        .map(|text| text.parse().expect("a valid choice"))
        .collect();
    Options {
        columns: choices.into(),
        category: "other".to_owned(),
        currency: Money::GBP,
        currencies: vec![Money::GBP, "EUR".parse().unwrap()],
        strict: false,
    }
}

fn read_with(text: &str, options: Options) -> (Result<Read>, Vec<NewProduct>) {
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    let (sender, mut receiver) = mpsc::channel(1);
    let source = Source::bytes("shop", text.as_bytes());
    let reader = std::thread::spawn(move || read(&source, options, &sender));
    let batches: Vec<Batch> = std::iter::from_fn(|| receiver.blocking_recv()).collect();
    let products = batches.into_iter().flat_map(|batch| batch.products).collect();
    (reader.join().expect("the reader does not panic"), products)
}

fn lines(products: &[NewProduct]) -> Vec<String> {
    let line = |product: &NewProduct| {
        format!(
            "{}|{}|{}|{}|{}",
            product.sku, product.name, product.description, product.category, product.price
        )
    };
    products.iter().map(line).collect()
}

#[test]
fn columns_are_found_by_name_or_by_an_explicit_mapping() {
    let csv = "ProductCode,NAME,UnitPrice,Category,Currency\n A1 ,\"Bag, red\",2.5,Home & Garden,eur\nA2,Lamp,3,,\n";
    let (read, products) = read_with(csv, options(&["sku=ProductCode", "price=UnitPrice"]));
    assert_eq!(read.expect("readable").rows, 2);
    assert_eq!(
        lines(&products),
        ["A1|Bag, red||home-garden|2.50 EUR", "A2|Lamp||other|3.00 GBP"]
    );
}

#[test]
fn the_same_objects_are_read_from_an_array_and_from_lines() {
    let items = [
        r#"{"id": 7, "title": "Mascara", "price": 9.99, "category": "beauty", "tags": ["x"]}"#,
        r#"{"id": "8", "title": "Räder", "description": "two", "price": "1.005", "category": null}"#,
    ];
    for json in [
        format!("[{}]", items.join(",")),
        items.join("\n"),
        format!("\u{feff} [\n{}\n]\n", items.join(",\n")),
    ] {
        let (read, products) = read_with(&json, options(&[]));
        assert_eq!(read.expect("readable").rows, 2);
        assert_eq!(
            lines(&products),
            ["7|Mascara||beauty|9.99 GBP", "8|Räder|two|other|1.005 GBP"]
        );
    }
}

#[test]
fn an_id_column_is_the_sku_only_in_a_file_without_a_sku_column() {
    let (_, products) = read_with("id,sku,title,price\n1,A1,Lamp,2\n", options(&[]));
    assert_eq!(products[0].sku, "A1");
}

#[test]
fn bad_rows_are_reported_and_the_other_rows_are_read() {
    let (read, products) = read_with(
        "sku,name,price\nA1,Lamp,2,50\nA2,,2.50\nA3,Lamp,cheap\nA4,Lamp,2.50\n",
        options(&[]),
    );
    assert_eq!(
        read.expect("readable").bad_rows.shown,
        [
            "line 2: 4 fields instead of 3",
            "line 3: name is missing",
            "line 4: price: `cheap` is not a valid amount: use digits with at most four decimals after a point, such as 2.55",
        ]
    );
    assert_eq!(products.len(), 1);

    let json = r#"[{"sku":"A1","name":"Lamp","price":1}, 5, {"sku":"A2","name":["Lamp"],"price":1}, {"sku":"A3","name":"Lamp"}]"#;
    let (read, products) = read_with(json, options(&[]));
    assert_eq!(
        read.expect("readable").bad_rows.shown,
        [
            "item 2: is a number, not an object",
            "item 3: name is an array, not a text or number",
            "item 4: price is missing"
        ]
    );
    assert_eq!(products.len(), 1);
}

#[test]
fn strict_stops_at_the_first_bad_row() {
    for (text, place) in [
        ("sku,name,price\nA1,Lamp,cheap\nA2,Lamp,1\n", "line 2"),
        (
            "{\"sku\":\"A1\",\"name\":\"Lamp\",\"price\":\"cheap\"}\n{\"sku\":\"A2\",\"name\":\"Lamp\",\"price\":1}",
            "item 1",
        ),
        (
            "[{\"sku\":\"A1\",\"name\":\"Lamp\",\"price\":\"cheap\"}, {\"sku\":\"A2\",\"name\":\"Lamp\",\"price\":1}]",
            "item 1",
        ),
    ] {
        let strict = Options {
            strict: true,
            ..options(&[])
        };
        let (read, products) = read_with(text, strict);
        let error = read.expect_err("strict").to_string();
        assert!(error.starts_with(&format!("shop, {place}: price: `cheap`")), "{error}");
        assert!(products.is_empty());
    }
}

#[test]
fn the_error_of_a_missing_column_lists_the_present_columns() {
    let error = |text: &str, columns: &[&str]| {
        read_with(text, options(columns))
            .0
            .expect_err("a column is missing")
            .to_string()
    };
    assert_eq!(
        error("code,name,price\n", &[]),
        "shop: no column is named sku: name one with --column sku=COLUMN; the columns are: code, name, price"
    );
    let message = error(r#"[{"sku":"A1","name":"Lamp","price":1}]"#, &["category=Type"]);
    assert!(
        message.starts_with("shop: there is no column `Type` for category; the columns are: "),
        "{message}"
    );
}

#[test]
fn items_before_broken_json_are_kept() {
    for json in [
        r#"[{"sku":"A1","name":"Lamp","price":1}, {"sku": "#,
        "{\"sku\":\"A1\",\"name\":\"Lamp\",\"price\":1}\n{\"sku\": }",
    ] {
        let (read, products) = read_with(json, options(&[]));
        let error = read.expect_err("broken").to_string();
        assert!(error.contains("after 1 rows") && error.contains("line "), "{error}");
        assert_eq!(products.len(), 1);
    }
}
