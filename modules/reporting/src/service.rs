//! The use cases of the reporting. No SQL, and no call.

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Money};
use offshoot_outbox::{Age, age};
use reporting_api::v1::{Dimension, Measure, Question, ROWS, Report, ReportingApi, ReportingError, Row};

use crate::copy::ORDERS;
use crate::store::report::GroupRow;
use crate::{Reporting, store, validation};

#[async_trait]
impl ReportingApi for Reporting {
    async fn query(&self, cx: &mut CallContext, question: Question) -> Result<Report, ReportingError> {
        validation::check(&question)?;
        let limit = question.limit.unwrap_or(ROWS);
        let mut read = self.db.read(cx).await?;
        // Before the orders, so that they are at least as new as is said.
        let current_at = match age(&mut read, ORDERS).await? {
            Age::Filling => None,
            Age::CurrentAt(at) => Some(at),
        };
        let by_line = question.sku.is_some() || question.dimensions.contains(&Dimension::Product);
        let mut groups = if by_line {
            store::report::of_lines(&mut read, &question, limit + 1).await?
        } else {
            store::report::of_orders(&mut read, &question, limit + 1).await?
        };
        let more = groups.len() > limit as usize;
        groups.truncate(limit as usize);
        let rows = groups.into_iter().map(|group| row(&question, group));
        Ok(Report {
            rows: rows.collect::<Result<_, CallFailure>>()?,
            more,
            current_at,
        })
    }
}

/// What was asked for of a group.
fn row(question: &Question, group: GroupRow) -> Result<Row, CallFailure> {
    let mut row = Row::default();
    for dimension in &question.dimensions {
        match dimension {
            Dimension::Month => row.month = Some(group.month.clone()),
            Dimension::Country => row.country = Some(group.country.clone()),
            Dimension::Product => row.product = Some(group.sku.clone()),
            Dimension::Status => row.status = Some(store::copy::status(&group.status)?),
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
