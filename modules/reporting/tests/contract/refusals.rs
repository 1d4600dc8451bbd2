//! Questions that are not answered, and texts that are only texts.

use reporting_api::v1::{Dimension, Measure, Question, ReportingError, SortBy};

use crate::T;
use crate::news::{a_store, by, rows};

pub(crate) async fn what_makes_no_sense_is_refused(t: T) {
    let time = |text: &str| Some(text.parse().unwrap());
    let all = [
        Dimension::Month,
        Dimension::Country,
        Dimension::Product,
        Dimension::Status,
    ];
    for (question, expected) in [
        (by(&all), "dimensions"),
        (by(&[Dimension::Month, Dimension::Month]), "dimensions"),
        (
            Question {
                measures: Vec::new(),
                ..by(&[])
            },
            "measures",
        ),
        (
            Question {
                measures: vec![Measure::Net, Measure::Net],
                ..by(&[])
            },
            "measures",
        ),
        (
            Question {
                from: time("2011-01-01T00:00:00Z"),
                to: time("2011-01-01T00:00:00Z"),
                ..by(&[])
            },
            "to",
        ),
        (
            Question {
                country: Some("\0".to_owned()),
                ..by(&[])
            },
            "country",
        ),
        (
            Question {
                sku: Some("\0".to_owned()),
                ..by(&[])
            },
            "sku",
        ),
        (
            Question {
                sort_by: Some(SortBy::Month),
                ..by(&[Dimension::Country])
            },
            "sort_by",
        ),
        (
            Question {
                limit: Some(0),
                ..by(&[])
            },
            "limit",
        ),
        (
            Question {
                limit: Some(1_001),
                ..by(&[])
            },
            "limit",
        ),
    ] {
        match t.api.query(&mut t.cx(), question).await {
            Err(ReportingError::InvalidQuestion { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
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
