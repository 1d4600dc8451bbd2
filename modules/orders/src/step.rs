//! What an order does in other modules, and under which name they know it. Knows no call and no database.

use orders_api::OrderId;

/// One effect outside of this module.
///
/// A step's name and the order's id make the reference under which the other module keeps what was done. So a step that
/// is done again, after nobody knows what, is done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Goods are promised.
    Reserve,
    /// Money is held.
    Authorize,
    /// The promised goods leave.
    Ship,
    /// The held money is taken.
    Capture,
    /// The held money is let go.
    Void,
    /// The promise of the goods is taken back.
    Release,
    /// Goods that have left come back, because the money could not be taken.
    PutBack,
    /// Money is given back for the return of this number; 0 for the whole order, when it failed.
    Refund(u32),
    /// The goods of the return of this number come back.
    Restock(u32),
}

impl Step {
    /// As it stands in the log and in references.
    pub(crate) fn name(self) -> String {
        match self {
            Step::Reserve => "reserve".to_owned(),
            Step::Authorize => "authorize".to_owned(),
            Step::Ship => "ship".to_owned(),
            Step::Capture => "capture".to_owned(),
            Step::Void => "void".to_owned(),
            Step::Release => "release".to_owned(),
            Step::PutBack => "put-back".to_owned(),
            Step::Refund(number) => format!("refund-{number}"),
            Step::Restock(number) => format!("restock-{number}"),
        }
    }

    /// The step of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let plain = [
            Step::Reserve,
            Step::Authorize,
            Step::Ship,
            Step::Capture,
            Step::Void,
            Step::Release,
            Step::PutBack,
        ];
        if let Some(step) = plain.into_iter().find(|step| step.name() == name) {
            return Some(step);
        }
        let (kind, number) = name.rsplit_once('-')?;
        let number = number.parse().ok()?;
        match kind {
            "refund" => Some(Step::Refund(number)),
            "restock" => Some(Step::Restock(number)),
            _ => None,
        }
    }

    /// The name under which other modules know what this step of this order does. The same for every execution.
    pub(crate) fn reference(self, order: OrderId) -> String {
        format!("{order}.{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_no_two_steps_share_one() {
        let steps = [
            Step::Reserve,
            Step::Authorize,
            Step::Ship,
            Step::Capture,
            Step::Void,
            Step::Release,
            Step::PutBack,
            Step::Refund(1),
            Step::Refund(12),
            Step::Restock(1),
        ];
        for step in steps {
            assert_eq!(Step::parse(&step.name()), Some(step));
        }
        assert_eq!(Step::parse("refund"), None);
        assert_eq!(Step::parse("refund-x"), None);
    }
}
