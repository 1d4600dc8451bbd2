//! Classifies one line by its effect on stock and money, without looking at other lines.

use inventory_api::v1::MovementKind;

use super::super::line::Line;

/// Bookkeeping entry of a line; every line has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Booking {
    Sale,
    Credit,
    WrittenOff,
    Found,
    GivenAway,
    /// A correction of the accounts: no customer owes money for products.
    BadDebtAdjustment,
    /// No price was ever known, so no product exists whose stock could move.
    NoProduct,
    /// The sign of quantity or price contradicts the kind of the invoice.
    OddSign,
    Malformed,
}

impl Booking {
    pub(super) const ALL: [Self; 9] = [
        Self::Sale,
        Self::Credit,
        Self::WrittenOff,
        Self::Found,
        Self::GivenAway,
        Self::BadDebtAdjustment,
        Self::NoProduct,
        Self::OddSign,
        Self::Malformed,
    ];

    /// Whether the entry moves stock or money.
    pub(super) fn is_used(self) -> bool {
        matches!(
            self,
            Self::Sale | Self::Credit | Self::WrittenOff | Self::Found | Self::GivenAway
        )
    }

    /// Name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sale => "sale_lines",
            Self::Credit => "credit_lines",
            Self::WrittenOff => "written_off",
            Self::Found => "found",
            Self::GivenAway => "given_away",
            Self::BadDebtAdjustment => "bad_debt_adjustment",
            Self::NoProduct => "no_product",
            Self::OddSign => "odd_sign",
            Self::Malformed => "malformed",
        }
    }

    /// Classifies a line; `is_product` says whether the catalog has the code.
    pub(super) fn classify(line: &Line<'_>, is_product: bool) -> Self {
        let price = line.price.ten_thousandths();
        match line.invoice.first() {
            Some(b'A') => Self::BadDebtAdjustment,
            Some(b'C') if line.quantity < 0 && price >= 0 => Self::Credit,
            Some(b'C') => Self::OddSign,
            _ if line.quantity > 0 && price > 0 => Self::Sale,
            _ if price != 0 => Self::OddSign,
            _ if !is_product => Self::NoProduct,
            _ if line.quantity < 0 => Self::WrittenOff,
            _ if line.customer.is_empty() => Self::Found,
            _ => Self::GivenAway,
        }
    }

    /// Stock movement of the line, if the line names a product.
    pub(super) fn movement(self, quantity: i64) -> Option<(MovementKind, i64)> {
        match self {
            Self::Sale => Some((MovementKind::Sold, -quantity)),
            Self::Credit => Some((MovementKind::Returned, -quantity)),
            Self::WrittenOff | Self::Found => Some((MovementKind::Adjusted, quantity)),
            Self::GivenAway => Some((MovementKind::Adjusted, -quantity)),
            Self::BadDebtAdjustment | Self::NoProduct | Self::OddSign | Self::Malformed => None,
        }
    }
}
