//! What the search takes for a word, and which match is the better one. Knows no database.
//!
//! The two engines must find the same products in the same order. So neither splits nor ranks: words are made here, of
//! the products' texts when they are written and of the search text when it is asked for, and the engines' indexes
//! find the products that have all of them. They are ordered by
//!
//! 1. where the words were found: they are the whole SKU, they are the whole name, all of them are in the name, they
//!    are elsewhere;
//! 2. the length of the name's words: the shorter the name, the more of it was asked for;
//! 3. the SKU.
//!
//! A word matches whole: no prefixes, no stems. Nothing in the order depends on other products, as the weights of the
//! engines' own rankings do, so a page token stays valid while the catalog changes.

use catalog_api::v1::{CatalogError, MAX_SEARCH_CHARS};
use unicode_normalization::UnicodeNormalization;

/// Longest word, characters; the rest of a longer one is cut off. No word of a language is that long, and both indexes
/// take it whole.
const MAX_WORD_CHARS: usize = 64;

/// The words of a text, separated by one blank: runs of letters and digits, without regard to case, compatibility
/// forms and diacritics. `Café CRÈME, 2nd` gives `cafe creme 2nd`.
///
/// What this answers is stored. Changing it takes a migration that writes the derived columns anew.
pub(crate) fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut length = 0;
    // Upper case first: it unites what lower case alone keeps apart, such as `ß` and `SS`, `ς` and `σ`.
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

/// The words that a search text asks for. Fails with `InvalidSearch`.
pub(crate) fn words_of_search(search: &str) -> Result<String, CatalogError> {
    let invalid = |reason: String| Err(CatalogError::InvalidSearch { reason });
    let length = search.chars().count();
    if length > MAX_SEARCH_CHARS {
        return invalid(format!("has {length} characters, at most {MAX_SEARCH_CHARS} are taken"));
    }
    let words = words(search);
    if words.is_empty() {
        return invalid("has no word in it: give at least one letter or digit".to_owned());
    }
    Ok(words)
}

/// The block of combining marks that decomposition makes of accented Latin, Greek and Cyrillic letters. Marks of
/// other scripts, such as vowel signs, stay: they tell words apart.
fn is_diacritic(letter: char) -> bool {
    ('\u{300}'..='\u{36F}').contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
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
    fn case_diacritics_and_compatibility_forms_make_no_difference() {
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
    fn marks_that_tell_words_apart_stay() {
        assert_ne!(words("की"), words("का"));
        assert_eq!(words("東京 タワー"), "東京 タワー");
    }

    #[test]
    fn a_long_word_is_cut_and_the_next_one_is_not() {
        let text = format!("{} b", "a".repeat(MAX_WORD_CHARS + 1));
        assert_eq!(words(&text), format!("{} b", "a".repeat(MAX_WORD_CHARS)));
    }

    #[test]
    fn a_search_has_words_and_at_most_200_characters() {
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
