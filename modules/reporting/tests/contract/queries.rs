//! Report queries and the expected rows.

use orders_api::v1::OrderStatus;
use reporting_api::v1::{Dimension, Measure, Question, Report, Row, SortBy};

use crate::T;
use crate::order_events::{by, deliver_sample_orders, pounds, query, rows};

use Dimension::{Country, Month, Product, Status};

pub(crate) async fn a_query_without_dimensions_returns_one_row(t: T) {
    assert_eq!(query(&t, by(&[])).await.rows, []);
    deliver_sample_orders(&t).await;
    // Gross: 7.65 + 2.00 + 2.55 + 4.00 + 25.50 + 6.70. Refunded: 2.55 and 4.00 for returns, 5.10 for the credit note.
    assert_eq!(rows(&t, by(&[])).await, ["6 14 48.40 11.65 36.75"]);
    let question = Question {
        measures: vec![Measure::Net],
        ..by(&[])
    };
    let report = query(&t, question).await;
    let net = Row {
        net: Some(pounds("36.75")),
        ..Row::default()
    };
    let expected = Report {
        rows: vec![net],
        more: false,
        current_at: None,
    };
    assert_eq!(report, expected);
    let question = Question {
        currency: "EUR".parse().unwrap(),
        ..by(&[Month])
    };
    assert_eq!(query(&t, question).await.rows, []);
}

pub(crate) async fn each_dimension_groups_the_orders(t: T) {
    deliver_sample_orders(&t).await;
    assert_eq!(
        rows(&t, by(&[Month])).await,
        [
            "2010-12 | 1 11 32.20 0.00 32.20",
            "2011-01 | 1 2 9.65 7.65 2.00",
            "2011-02 | 4 1 6.55 4.00 2.55",
        ]
    );
    assert_eq!(
        rows(&t, by(&[Country])).await,
        [
            "EIRE | 2 0 4.00 4.00 0.00",
            "France | 3 5 12.20 2.55 9.65",
            "United Kingdom | 1 9 32.20 5.10 27.10",
        ]
    );
    assert_eq!(
        rows(&t, by(&[Product])).await,
        [
            "A | 4 11 35.70 7.65 28.05",
            "B | 3 2 6.00 4.00 2.00",
            "POST | 1 1 6.70 0.00 6.70",
        ]
    );
    assert_eq!(
        rows(&t, by(&[Status])).await,
        [
            "cancelled | 1 0 4.00 4.00 0.00",
            "confirmed | 3 14 44.40 7.65 36.75",
            "failed | 1 0 0.00 0.00 0.00",
            "pending | 1 0 0.00 0.00 0.00",
        ]
    );
}

pub(crate) async fn dimensions_can_be_combined(t: T) {
    deliver_sample_orders(&t).await;
    assert_eq!(
        rows(&t, by(&[Month, Country, Product])).await,
        [
            "2010-12 | United Kingdom | A | 1 10 25.50 0.00 25.50",
            "2010-12 | United Kingdom | POST | 1 1 6.70 0.00 6.70",
            "2011-01 | France | A | 1 2 7.65 2.55 5.10",
            "2011-01 | France | B | 1 2 2.00 0.00 2.00",
            "2011-01 | United Kingdom | A | 0 -2 0.00 5.10 -5.10",
            "2011-02 | EIRE | A | 1 0 0.00 0.00 0.00",
            "2011-02 | EIRE | B | 1 0 4.00 4.00 0.00",
            "2011-02 | France | A | 1 1 2.55 0.00 2.55",
            "2011-02 | France | B | 1 0 0.00 0.00 0.00",
        ]
    );
}

pub(crate) async fn an_order_counts_once_per_group(t: T) {
    deliver_sample_orders(&t).await;
    let twice = crate::order_events::order(
        "2011-03-01T00:00:00Z",
        "France",
        vec![
            crate::order_events::line("A", 1, 0, "2.55"),
            crate::order_events::line("A", 2, 0, "5.10"),
        ],
    );
    crate::order_events::deliver(&t, vec![(9, twice)]).await.unwrap();
    let question = Question {
        sku: Some("A".to_owned()),
        from: Some("2011-03-01T00:00:00Z".parse().unwrap()),
        ..by(&[Country, Product])
    };
    assert_eq!(rows(&t, question).await, ["France | A | 1 3 7.65 0.00 7.65"]);
}

pub(crate) async fn filters_exclude_other_orders(t: T) {
    deliver_sample_orders(&t).await;
    let time = |text: &str| Some(text.parse().unwrap());
    let text = |text: &str| Some(text.to_owned());
    let february = Question {
        from: time("2011-02-01T00:00:00Z"),
        to: time("2011-02-03T12:00:00Z"),
        ..by(&[Month])
    };
    let france = Question {
        country: text("France"),
        ..by(&[Month])
    };
    let posted = Question {
        sku: text("POST"),
        ..by(&[Month])
    };
    let confirmed = Question {
        status: Some(OrderStatus::Confirmed),
        country: text("France"),
        sku: text("B"),
        ..by(&[Month])
    };
    let nothing = Question {
        country: text("france"),
        ..by(&[Month])
    };
    for (question, expected) in [
        (february, vec!["2011-02 | 1 1 2.55 0.00 2.55"]),
        (
            france,
            vec!["2011-01 | 1 4 9.65 2.55 7.10", "2011-02 | 2 1 2.55 0.00 2.55"],
        ),
        (posted, vec!["2010-12 | 1 1 6.70 0.00 6.70"]),
        (confirmed, vec!["2011-01 | 1 2 2.00 0.00 2.00"]),
        (nothing, vec![]),
    ] {
        assert_eq!(rows(&t, question).await, expected);
    }
}

pub(crate) async fn rows_are_sorted_as_requested(t: T) {
    deliver_sample_orders(&t).await;
    for (dimension, sort_by, expected) in [
        (Product, SortBy::Product, "A B POST"),
        (Product, SortBy::Orders, "POST B A"),
        (Product, SortBy::Units, "POST B A"),
        (Product, SortBy::Gross, "B POST A"),
        (Product, SortBy::Refunded, "POST B A"),
        (Product, SortBy::Net, "B POST A"),
        (Month, SortBy::Month, "2010-12 2011-01 2011-02"),
        (Country, SortBy::Country, "EIRE France United Kingdom"),
        (Status, SortBy::Status, "cancelled confirmed failed pending"),
    ] {
        let name = |row: &Row| {
            let status = row.status.map(|status| status.to_string());
            let names = [row.product.clone(), row.month.clone(), row.country.clone(), status];
            names.into_iter().flatten().next().unwrap()
        };
        for descending in [false, true] {
            let question = Question {
                sort_by: Some(sort_by),
                descending,
                ..by(&[dimension])
            };
            let mut names: Vec<String> = query(&t, question).await.rows.iter().map(name).collect();
            if descending {
                names.reverse();
            }
            assert_eq!(names.join(" "), expected, "{sort_by:?} {descending}");
        }
    }
}

pub(crate) async fn more_reports_rows_beyond_the_limit(t: T) {
    deliver_sample_orders(&t).await;
    for (limit, more) in [(1, true), (2, true), (3, false), (1_000, false)] {
        let question = Question {
            limit: Some(limit),
            ..by(&[Country])
        };
        let report = query(&t, question).await;
        assert_eq!((report.rows.len(), report.more), (3.min(limit as usize), more));
    }
}

pub(crate) async fn every_grouping_has_the_same_totals(t: T) {
    deliver_sample_orders(&t).await;
    let dimensions = [Month, Country, Product, Status];
    for chosen in 0..16_u32 {
        let subset: Vec<_> = (0..4)
            .filter(|index| chosen & (1 << index) != 0)
            .map(|index| dimensions[index])
            .collect();
        if subset.len() > 3 {
            continue;
        }
        let report = query(&t, by(&subset)).await;
        let sum = |measure: fn(&Row) -> i64| report.rows.iter().map(measure).sum::<i64>();
        let sums = (
            sum(|row| row.units.unwrap()),
            sum(|row| row.gross.unwrap().ten_thousandths()),
            sum(|row| row.refunded.unwrap().ten_thousandths()),
            sum(|row| row.net.unwrap().ten_thousandths()),
        );
        assert_eq!(sums, (14, 484_000, 116_500, 367_500), "{subset:?}");
    }
}
