//! Questions that are not answered, and texts that are only texts.

use offshoot_contract::Timestamp;
use reporting_api::v1::{Dimension, Measure, Question, ReportingError, SortBy};

use crate::T;
use crate::news::{a_store, by, rows};

/// A good question, spoilt.
fn spoilt(spoil: fn(&mut Question)) -> Question {
    let mut question = by(&[Dimension::Country]);
    spoil(&mut question);
    question
}

pub(crate) async fn what_makes_no_sense_is_refused(t: T) {
    use Dimension::{Country, Month, Product, Status};
    for (question, expected) in [
        (by(&[Month, Country, Product, Status]), "dimensions"),
        (by(&[Month, Month]), "dimensions"),
        (spoilt(|it| it.measures.clear()), "measures"),
        (spoilt(|it| it.measures.push(Measure::Net)), "measures"),
        (spoilt(|it| (it.from, it.to) = (noon(), noon())), "to"),
        (spoilt(|it| it.country = Some("\0".to_owned())), "country"),
        (spoilt(|it| it.sku = Some("\0".to_owned())), "sku"),
        (spoilt(|it| it.sort_by = Some(SortBy::Month)), "sort_by"),
        (spoilt(|it| it.limit = Some(0)), "limit"),
        (spoilt(|it| it.limit = Some(1_001)), "limit"),
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

pub(crate) async fn no_text_becomes_part_of_a_statement(t: T) {
    a_store(&t).await;
    let before = rows(&t, by(&[Dimension::Product])).await;
    for text in ["' OR '1'='1", "A'; DELETE FROM lines_copy; --", "%", "$1", "\\"] {
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
