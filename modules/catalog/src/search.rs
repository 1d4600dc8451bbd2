//! Tokenization and ranking rules of the product search. Must not know the database.
//!
//! Both engines must return the same products in the same order, so neither engine tokenizes or ranks. This module
//! splits product texts into words when a product is written, and search texts when a search arrives. The engines'
//! indexes only find the products that contain all words. Matches are ordered by
//!
//! 1. tier: the words are the whole SKU, the words are the whole name, the name contains all words, any other match;
//! 2. the length of the name's words, shortest first: in a short name the searched words are a larger share;
//! 3. the SKU.
//!
//! Only whole words match: no prefixes, no stems. Unlike the engines' own rankings, the order of two products never
//! depends on other products, so a page token stays valid while the catalog changes.

use catalog_api::v1::{CatalogError, MAX_SEARCH_CHARS};
use unicode_normalization::UnicodeNormalization;

/// Longest word, characters; longer words are truncated. No natural word is that long, and both indexes accept words of
/// this length.
const MAX_WORD_CHARS: usize = 64;

/// Splits a text into words, separated by one space: runs of letters and digits, with case, compatibility forms and
/// diacritics folded. `Café CRÈME, 2nd` gives `cafe creme 2nd`.
///
/// The result is stored. A change of this function needs a migration that rewrites the derived columns.
pub(crate) fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut length = 0;
    // Upper case first, because lower case alone keeps `ß` and `SS`, and `ς` and `σ`, apart.
    let plain = text
        .nfkd()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|&letter| !is_diacritic(letter));
    for letter in plain {
        if !letter.is_alphanumeric() {
            length = 0;
            continue;
        }
        if length == 0 && !words.is_empty() {
            words.push(' ');
        }
        if length < MAX_WORD_CHARS {
            words.push(letter);
        }
        length += 1;
    }
    words
}

/// Splits a search text into words. Fails with `InvalidSearch` if the text is too long or has no word.
pub(crate) fn words_of_search(search: &str) -> Result<String, CatalogError> {
    let invalid = |reason: String| Err(CatalogError::InvalidSearch { reason });
    let length = search.chars().count();
    if length > MAX_SEARCH_CHARS {
        return invalid(format!("has {length} characters, but the limit is {MAX_SEARCH_CHARS}"));
    }
    let words = words(search);
    if words.is_empty() {
        return invalid("contains no word: give at least one letter or digit".to_owned());
    }
    Ok(words)
}

/// Whether `letter` belongs to the combining marks that result from decomposing accented Latin, Greek and Cyrillic
/// letters. Marks of other scripts, such as vowel signs, are kept because they distinguish words.
fn is_diacritic(letter: char) -> bool {
    ('\u{300}'..='\u{36F}').contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_run_of_letters_and_digits() {
        for (text, expected) in [
            (
                "WHITE HANGING HEART T-LIGHT HOLDER",
                "white hanging heart t light holder",
            ),
            ("  SET/6 RED, SPOTTY  ", "set 6 red spotty"),
            ("85123A", "85123a"),
            ("children's", "children s"),
            ("£50 gift_0001", "50 gift 0001"),
            ("...", ""),
            ("\0", ""),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn case_diacritics_and_compatibility_forms_are_folded() {
        for (one, other) in [
            ("Café", "CAFE"),
            ("cafe\u{301}", "café"),
            ("STRASSE", "straße"),
            ("ΟΔΟΣ", "οδος"),
            ("İstanbul", "istanbul"),
            ("ﬁn", "FIN"),
            ("ＡＢＣ１", "abc1"),
        ] {
            assert_eq!(words(one), words(other), "{one} {other}");
        }
    }

    #[test]
    fn marks_that_distinguish_words_are_kept() {
        assert_ne!(words("की"), words("का"));
        assert_eq!(words("東京 タワー"), "東京 タワー");
    }

    #[test]
    fn a_long_word_is_truncated_without_losing_the_next_word() {
        let text = format!("{} b", "a".repeat(MAX_WORD_CHARS + 1));
        assert_eq!(words(&text), format!("{} b", "a".repeat(MAX_WORD_CHARS)));
    }

    #[test]
    fn a_search_needs_a_word_and_has_at_most_200_characters() {
        assert_eq!(
            words_of_search("é".repeat(MAX_SEARCH_CHARS).as_str()),
            Ok("e".repeat(MAX_WORD_CHARS))
        );
        for search in ["", " - ", "!?", &"a".repeat(MAX_SEARCH_CHARS + 1)] {
            assert!(
                matches!(words_of_search(search), Err(CatalogError::InvalidSearch { .. })),
                "{search}"
            );
        }
    }
}
