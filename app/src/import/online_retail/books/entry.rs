//! What one line means for goods and money. Knows no other line.

use inventory_api::v1::MovementKind;

use super::super::line::Line;

/// What a line is booked as: exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Booking {
    Sale,
    Credit,
    WrittenOff,
    Found,
    GivenAway,
    /// Nobody owes money for goods here: a correction of the accounts.
    BadDebtAdjustment,
    /// No price was ever known, so there is no product whose goods could move.
    NoProduct,
    /// A sign that its invoice's kind does not have.
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

    /// Whether it moves goods or money.
    pub(super) fn is_used(self) -> bool {
        matches!(
            self,
            Self::Sale | Self::Credit | Self::WrittenOff | Self::Found | Self::GivenAway
        )
    }

    /// As reports call it.
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

    /// What a line is booked as; `is_product` says whether the catalog has its code.
    pub(super) fn of(line: &Line<'_>, is_product: bool) -> Self {
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

    /// How the goods of such a line move, if it names a product.
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
