//! Tests of `set_lines`, which replaces all lines of a cart.

use carts_api::v1::{CartsError, MAX_LINES, MAX_QUANTITY, NewLine, ProductId};
use offshoot_contract::Timestamp;

use crate::T;
use crate::lines::{a_cart, read, set};
use crate::stub_catalog::{euros, pounds};

fn lines(lines: &[(ProductId, u32)]) -> Vec<NewLine> {
    let line = |&(product_id, quantity)| NewLine { product_id, quantity };
    lines.iter().map(line).collect()
}

pub(crate) async fn removes_the_previous_lines(t: T) {
    let [a, b, c] = ["A", "B", "C"].map(|sku| t.fakes.sells(sku, pounds("2.00")));
    let cart = a_cart(&t).await;
    set(&t, cart, a, 7).await;
    set(&t, cart, b, 1).await;
    t.api
        .set_lines(&mut t.cx(), cart, lines(&[(c, 3), (a, 2)]))
        .await
        .unwrap();
    let held = read(&t, cart).await;
    let seen: Vec<_> = held
        .lines
        .iter()
        .map(|line| (line.sku.as_str(), line.quantity))
        .collect();
    assert_eq!((seen, held.total), (vec![("C", 3), ("A", 2)], pounds("10.00")));
    set(&t, cart, b, 1).await;
    assert_eq!(read(&t, cart).await.lines[2].sku, "B", "an added product comes last");
    t.api.set_lines(&mut t.cx(), cart, Vec::new()).await.unwrap();
    assert_eq!(read(&t, cart).await.lines, []);
}

pub(crate) async fn accepts_all_lines_or_none(t: T) {
    let a = t.fakes.sells("A", pounds("2.00"));
    let foreign = t.fakes.sells("E", euros("2.00"));
    let ended = t.fakes.sells("D", pounds("2.00"));
    t.fakes.discontinues(ended);
    let unknown = ProductId::new(Timestamp::from_micros(0).unwrap());
    let cart = a_cart(&t).await;
    set(&t, cart, a, 7).await;
    let many: Vec<_> = (0..=MAX_LINES).map(|_| (unknown, 1)).collect();
    for (given, expected) in [
        (vec![(a, 1), (unknown, 1)], CartsError::UnknownProduct { id: unknown }),
        (vec![(a, 1), (ended, 1)], CartsError::NotForSale { id: ended }),
        (vec![(a, 1), (a, 1)], CartsError::DuplicateLine { id: a }),
        (
            many,
            CartsError::TooManyLines {
                id: cart,
                limit: MAX_LINES,
            },
        ),
        (
            vec![(a, MAX_QUANTITY + 1)],
            CartsError::InvalidQuantity {
                quantity: MAX_QUANTITY + 1,
                limit: MAX_QUANTITY,
            },
        ),
    ] {
        assert_eq!(
            t.api.set_lines(&mut t.cx(), cart, lines(&given)).await.unwrap_err(),
            expected
        );
    }
    let error = t
        .api
        .set_lines(&mut t.cx(), cart, lines(&[(foreign, 1)]))
        .await
        .unwrap_err();
    assert!(matches!(error, CartsError::OtherCurrency { .. }), "{error:?}");
    assert_eq!(read(&t, cart).await.lines[0].quantity, 7);
}

pub(crate) async fn accepts_as_many_lines_as_a_cart_may_have(t: T) {
    let products: Vec<_> = (0..MAX_LINES)
        .map(|n| (t.fakes.sells(&n.to_string(), pounds("1.00")), 1))
        .collect();
    let cart = a_cart(&t).await;
    t.once.set_lines(&mut t.cx(), cart, lines(&products)).await.unwrap();
    assert_eq!(read(&t, cart).await.lines.len(), products.len());
}
