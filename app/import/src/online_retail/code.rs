//! Decides which stock codes name physical products.

/// Products outside the pattern of five digits.
const GOODS_PREFIXES: [&[u8]; 2] = [b"DCGS", b"gift_"];
/// Crystal pads, sold at a tenth of a penny.
const PADS: &[u8] = b"PADS";

/// Whether a code names a product: five digits and up to two letters for the variant, or an exception. Everything else
/// is postage, fees, samples and corrections: `POST`, `DOT`, `C2`, `M`, `D`, `S`, `B`, `BANK CHARGES`, `AMAZONFEE`,
/// `CRUK`.
pub(super) fn names_goods(code: &[u8]) -> bool {
    let (digits, variant) = code.split_at(code.len().min(5));
    let numbered = digits.len() == 5
        && digits.iter().all(u8::is_ascii_digit)
        && variant.len() <= 2
        && variant.iter().all(u8::is_ascii_alphabetic);
    numbered || code == PADS || GOODS_PREFIXES.iter().any(|prefix| code.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::names_goods;

    #[test]
    fn goods_are_told_from_services() {
        for code in [
            "85123A",
            "71053",
            "15056BL",
            "15056bl",
            "DCGS0003",
            "DCGSSGIRL",
            "gift_0001_20",
            "PADS",
        ] {
            assert!(names_goods(code.as_bytes()), "{code}");
        }
        for code in [
            "POST",
            "DOT",
            "C2",
            "M",
            "m",
            "D",
            "S",
            "B",
            "BANK CHARGES",
            "AMAZONFEE",
            "CRUK",
            "",
            "8512A",
            "851234",
            "85123ABC",
            "85123-",
        ] {
            assert!(!names_goods(code.as_bytes()), "{code}");
        }
    }
}
