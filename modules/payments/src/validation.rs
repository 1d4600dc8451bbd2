//! Validation of references, amounts and tokens. Must not know the database; every function is pure. Error messages
//! must never contain a token.

use offshoot_contract::Money;
use offshoot_contract::text::check_printable;
use payments_api::v1::{MAX_REFERENCE_BYTES, MAX_TOKEN_BYTES, PaymentToken, PaymentsError};

/// Number of digits of a card number.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

pub(crate) fn check_reference(field: &str, reference: &str) -> Result<(), PaymentsError> {
    check_printable(reference, MAX_REFERENCE_BYTES).map_err(|error| invalid(field, error.to_string()))
}

pub(crate) fn check_amount(amount: Money) -> Result<(), PaymentsError> {
    if amount.ten_thousandths() > 0 {
        return Ok(());
    }
    Err(invalid(
        "amount",
        format!("{amount} is not a valid amount: must be above zero"),
    ))
}

/// Checks a token, and rejects card numbers before they can be stored or logged.
pub(crate) fn check_token(token: &PaymentToken) -> Result<(), PaymentsError> {
    let text = token.expose();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_numeric = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b' ' || byte == b'-');
    if is_numeric && CARD_DIGITS.contains(&digits) {
        let reason =
            "looks like a card number, which is never accepted: send the token from the payment provider's form";
        return Err(invalid("token", reason.to_owned()));
    }
    check_printable(text, MAX_TOKEN_BYTES).map_err(|error| invalid("token", error.to_string()))
}

fn invalid(field: &str, reason: String) -> PaymentsError {
    PaymentsError::InvalidPayment {
        field: field.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_rejected_and_not_quoted() {
        for number in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "378282246310005",
        ] {
            let error = check_token(&PaymentToken::new(number))
                .expect_err("a card number is rejected")
                .to_string();
            assert!(
                error.contains("card number") && !error.contains("4242") && !error.contains("3782"),
                "{error}"
            );
        }
        for token in ["tok_visa", "tok_4242424242424242", "12345678901"] {
            assert!(check_token(&PaymentToken::new(token)).is_ok());
        }
        for bad in ["", "a b", "ü", &"x".repeat(256)] {
            assert!(check_token(&PaymentToken::new(bad)).is_err());
        }
    }
}
