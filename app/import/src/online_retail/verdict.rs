//! Classifies data lines by their effect on the catalog.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::code::names_goods;
use super::line::Line;

/// Effect of a data line on the catalog; every line has exactly one verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Verdict {
    AddsProduct,
    ChangesPrice,
    ConfirmsPrice,
    Cancellation,
    BadDebtAdjustment,
    NotAProduct,
    NegativePrice,
    /// Write-offs: damaged, lost or discarded.
    NegativeQuantity,
    ZeroPrice,
    OutOfOrder,
    Malformed,
}

impl Verdict {
    pub(super) const USED: [(Self, &'static str); 3] = [
        (Self::AddsProduct, "adds_a_product"),
        (Self::ChangesPrice, "changes_a_price"),
        (Self::ConfirmsPrice, "confirms_the_price"),
    ];
    pub(super) const SKIPPED: [(Self, &'static str); 8] = [
        (Self::Cancellation, "cancellation"),
        (Self::BadDebtAdjustment, "bad_debt_adjustment"),
        (Self::NotAProduct, "not_a_product"),
        (Self::NegativePrice, "negative_price"),
        (Self::NegativeQuantity, "negative_quantity"),
        (Self::ZeroPrice, "zero_price"),
        (Self::OutOfOrder, "out_of_order"),
        (Self::Malformed, "malformed"),
    ];

    /// Why the line, seen alone, is not the sale of a product; `None` for a sale.
    pub(super) fn skipping(line: &Line<'_>) -> Option<Self> {
        match line.invoice.first() {
            Some(b'C') => return Some(Self::Cancellation),
            Some(b'A') => return Some(Self::BadDebtAdjustment),
            _ => {}
        }
        let price = line.price.ten_thousandths();
        if !names_goods(line.code) {
            Some(Self::NotAProduct)
        } else if price < 0 {
            Some(Self::NegativePrice)
        } else if line.quantity < 0 {
            Some(Self::NegativeQuantity)
        } else if price == 0 {
            Some(Self::ZeroPrice)
        } else {
            None
        }
    }
}

/// Number of lines by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally([u64; Verdict::USED.len() + Verdict::SKIPPED.len()]);

impl Tally {
    pub(super) fn count(&mut self, verdict: Verdict) {
        self.0[verdict as usize] += 1;
    }

    pub(super) fn lines_with(&self, verdict: Verdict) -> u64 {
        self.0[verdict as usize]
    }

    pub(super) fn used(&self) -> Counts {
        self.counts(&Verdict::USED)
    }

    pub(super) fn skipped(&self) -> Counts {
        self.counts(&Verdict::SKIPPED)
    }

    fn counts(&self, verdicts: &[(Verdict, &'static str)]) -> Counts {
        Counts(
            verdicts
                .iter()
                .map(|&(verdict, name)| (name, self.lines_with(verdict)))
                .collect(),
        )
    }
}

/// Named counts in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts(pub(super) Vec<(&'static str, u64)>);

impl Counts {
    pub(super) fn sum(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, count) in &self.0 {
            map.serialize_entry(name, count)?;
        }
        map.end()
    }
}
