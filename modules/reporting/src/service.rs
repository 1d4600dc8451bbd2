//! Use cases of the reporting module. Contains no SQL and makes no calls to other modules.

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Money};
use offshoot_outbox::{Age, read_age};
use reporting_api::v1::{DEFAULT_ROWS, Dimension, Measure, Question, Report, ReportingApi, ReportingError, Row};

use crate::projection::ORDERS_SUBSCRIPTION;
use crate::store::report::GroupRow;
use crate::{Reporting, store, validation};

#[async_trait]
impl ReportingApi for Reporting {
    async fn query(&self, cx: &mut CallContext, question: Question) -> Result<Report, ReportingError> {
        validation::check(&question)?;
        let limit = question.limit.unwrap_or(DEFAULT_ROWS);
        let mut read = self.db.read(cx).await?;
        // Read before the orders, so that the orders are at least as current as `current_at` says.
        let current_at = match read_age(&mut read, ORDERS_SUBSCRIPTION).await? {
            Age::Filling => None,
            Age::CurrentAt(at) => Some(at),
        };
        let by_line = question.sku.is_some() || question.dimensions.contains(&Dimension::Product);
        let mut groups = if by_line {
            store::report::group_lines(&mut read, &question, limit + 1).await?
        } else {
            store::report::group_orders(&mut read, &question, limit + 1).await?
        };
        let more = groups.len() > limit as usize;
        groups.truncate(limit as usize);
        let rows = groups.into_iter().map(|group| to_row(&question, group));
        Ok(Report {
            rows: rows.collect::<Result<_, CallFailure>>()?,
            more,
            current_at,
        })
    }
}

/// Builds a report row with the requested dimensions and measures of a group.
fn to_row(question: &Question, group: GroupRow) -> Result<Row, CallFailure> {
    let mut row = Row::default();
    for dimension in &question.dimensions {
        match dimension {
            Dimension::Month => row.month = Some(group.month.clone()),
            Dimension::Country => row.country = Some(group.country.clone()),
            Dimension::Product => row.product = Some(group.sku.clone()),
            Dimension::Status => row.status = Some(store::projection::parse_status(&group.status)?),
        }
    }
    let money = |amount| Some(Money::new(amount, question.currency));
    for measure in &question.measures {
        match measure {
            Measure::Orders => row.orders = u64::try_from(group.order_count).ok(),
            Measure::Units => row.units = Some(group.units),
            Measure::Gross => row.gross = money(group.gross),
            Measure::Refunded => row.refunded = money(group.refunded),
            Measure::Net => row.net = money(group.net),
        }
    }
    Ok(row)
}
