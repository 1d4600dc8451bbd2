//! Invalid report queries, and attempts at SQL injection.

use offshoot_contract::Timestamp;
use reporting_api::v1::{Dimension, Measure, Question, ReportingError, SortBy};

use crate::T;
use crate::order_events::{by, deliver_sample_orders, rows};

/// A valid query made invalid by `apply_error`.
fn with_error(apply_error: fn(&mut Question)) -> Question {
    let mut question = by(&[Dimension::Country]);
    apply_error(&mut question);
    question
}

pub(crate) async fn invalid_questions_are_rejected(t: T) {
    use Dimension::{Country, Month, Product, Status};
    for (question, expected) in [
        (by(&[Month, Country, Product, Status]), "dimensions"),
        (by(&[Month, Month]), "dimensions"),
        (with_error(|question| question.measures.clear()), "measures"),
        (with_error(|question| question.measures.push(Measure::Net)), "measures"),
        (
            with_error(|question| (question.from, question.to) = (noon(), noon())),
            "to",
        ),
        (
            with_error(|question| question.country = Some("\0".to_owned())),
            "country",
        ),
        (with_error(|question| question.sku = Some("\0".to_owned())), "sku"),
        (with_error(|question| question.sort_by = Some(SortBy::Month)), "sort_by"),
        (with_error(|question| question.limit = Some(0)), "limit"),
        (with_error(|question| question.limit = Some(1_001)), "limit"),
    ] {
        match t.api.query(&mut t.cx(), question).await {
            Err(ReportingError::InvalidQuestion { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

fn noon() -> Option<Timestamp> {
    Some("2011-01-01T12:00:00Z".parse().unwrap())
}

pub(crate) async fn texts_cannot_inject_sql(t: T) {
    deliver_sample_orders(&t).await;
    let before = rows(&t, by(&[Dimension::Product])).await;
    for text in [
        "' OR '1'='1",
        "A'; DELETE FROM projected_order_lines; --",
        "%",
        "$1",
        "\\",
    ] {
        for question in [
            Question {
                sku: Some(text.to_owned()),
                ..by(&[Dimension::Month])
            },
            Question {
                country: Some(text.to_owned()),
                ..by(&[Dimension::Month])
            },
        ] {
            assert_eq!(rows(&t, question).await, Vec::<String>::new(), "{text}");
        }
    }
    assert_eq!(rows(&t, by(&[Dimension::Product])).await, before);
}
