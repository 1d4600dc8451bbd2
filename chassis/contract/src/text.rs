//! Checks of texts in requests: both database engines must be able to store them. Must not know databases.
//!
//! Postgres rejects NUL characters in a text, and SQLite does not. No contract accepts them, so that both engines accept
//! the same texts.

use thiserror::Error;

/// Longest stored reason of a failure, bytes: a chain of several errors, and little enough for a list.
pub const MAX_REASON_BYTES: usize = 2_000;

/// Why a text is invalid. The message does not quote the text, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the error messages document the variants")]
pub enum InvalidText {
    #[error("contains a NUL character: remove the character")]
    Nul,
    #[error("must be 1 to {max_bytes} printable ASCII characters without spaces")]
    NotPrintable { max_bytes: usize },
}

/// Checks that both engines can store a text.
pub fn check_storable(text: &str) -> Result<(), InvalidText> {
    if text.contains('\0') {
        return Err(InvalidText::Nul);
    }
    Ok(())
}

/// Checks a reference, number or token: 1 to `max_bytes` printable ASCII characters without spaces.
pub fn check_printable(text: &str, max_bytes: usize) -> Result<(), InvalidText> {
    let fits = (1..=max_bytes).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(InvalidText::NotPrintable { max_bytes })
}

/// The storable form of the reason of a failure, which nobody can correct: without NUL characters, and cut to
/// [`MAX_REASON_BYTES`].
#[must_use]
pub fn to_storable(reason: &str) -> String {
    let mut reason = reason.replace('\0', "");
    reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_nul_character_is_not_storable() {
        assert_eq!(check_storable("tea \u{1} ü"), Ok(()));
        assert_eq!(check_storable("tea\0"), Err(InvalidText::Nul));
    }

    #[test]
    fn a_printable_text_has_no_spaces_and_no_letters_beyond_ascii() {
        for good in ["a", "INV-1/2", "~~~~~~~~"] {
            assert_eq!(check_printable(good, 8), Ok(()), "{good}");
        }
        for bad in ["", "a b", "ü", "a\0", "123456789"] {
            assert_eq!(
                check_printable(bad, 8),
                Err(InvalidText::NotPrintable { max_bytes: 8 }),
                "{bad:?}"
            );
        }
        let message = InvalidText::NotPrintable { max_bytes: 8 }.to_string();
        assert_eq!(message, "must be 1 to 8 printable ASCII characters without spaces");
    }

    #[test]
    fn a_reason_is_stored_without_nul_characters_and_cut_between_characters() {
        assert_eq!(to_storable("a\0b\0"), "ab");
        let fits = "a".repeat(MAX_REASON_BYTES);
        assert_eq!(to_storable(&format!("{fits}b")), fits);
        let longer = format!("b{}", "ü".repeat(MAX_REASON_BYTES / 2));
        assert_eq!(to_storable(&longer), longer[..MAX_REASON_BYTES - 1]);
    }
}
