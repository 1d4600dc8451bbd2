//! Validation of report queries. Must not know the database; every function is pure.

use offshoot_contract::text::check_storable;
use reporting_api::v1::{Dimension, MAX_DIMENSIONS, MAX_ROWS, Measure, Question, ReportingError, SortBy};

/// Checks all fields of a question. Fails with `InvalidQuestion`.
pub(crate) fn check(question: &Question) -> Result<(), ReportingError> {
    let Question {
        dimensions, measures, ..
    } = question;
    if dimensions.len() > MAX_DIMENSIONS || has_duplicates(dimensions) {
        let reason = format!("must be at most {MAX_DIMENSIONS} of month, country, product and status, each once");
        return Err(invalid("dimensions", reason));
    }
    if measures.is_empty() || has_duplicates(measures) {
        let reason = "must be at least one of orders, units, gross, refunded and net, each once";
        return Err(invalid("measures", reason));
    }
    if let (Some(from), Some(to)) = (question.from, question.to)
        && from >= to
    {
        return Err(invalid("to", format!("{to} is not after {from}")));
    }
    for (field, text) in [("country", &question.country), ("sku", &question.sku)] {
        check_storable(text.as_deref().unwrap_or_default()).map_err(|error| invalid(field, error.to_string()))?;
    }
    if let Some(by) = question.sort_by
        && !is_selected(question, by)
    {
        return Err(invalid(
            "sort_by",
            "must be one of the requested dimensions and measures",
        ));
    }
    match question.limit {
        Some(limit) if !(1..=MAX_ROWS).contains(&limit) => {
            Err(invalid("limit", format!("{limit} is not between 1 and {MAX_ROWS}")))
        }
        _ => Ok(()),
    }
}

fn has_duplicates<T: PartialEq>(items: &[T]) -> bool {
    (1..items.len()).any(|index| items[..index].contains(&items[index]))
}

fn is_selected(question: &Question, by: SortBy) -> bool {
    let dimension = |dimension| question.dimensions.contains(&dimension);
    let measure = |measure| question.measures.contains(&measure);
    match by {
        SortBy::Month => dimension(Dimension::Month),
        SortBy::Country => dimension(Dimension::Country),
        SortBy::Product => dimension(Dimension::Product),
        SortBy::Status => dimension(Dimension::Status),
        SortBy::Orders => measure(Measure::Orders),
        SortBy::Units => measure(Measure::Units),
        SortBy::Gross => measure(Measure::Gross),
        SortBy::Refunded => measure(Measure::Refunded),
        SortBy::Net => measure(Measure::Net),
    }
}

fn invalid(field: &str, reason: impl Into<String>) -> ReportingError {
    ReportingError::InvalidQuestion {
        field: field.to_owned(),
        reason: reason.into(),
    }
}
