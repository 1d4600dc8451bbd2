//! Page tokens: opaque positions in a list, each bound to the list that issued the token. Must not know lists or
//! databases.
//!
//! A token is a checksum of list and key, followed by the key of the last item, in hexadecimal. The checksum detects
//! damaged tokens and tokens of another list. A token is not a secret and not a proof of authority: a forged token
//! reveals nothing that the list does not show.

use sha2::{Digest, Sha256};

use crate::page::Page;

/// Bytes of the checksum: long enough to make an accidental match of a damaged token improbable.
const CHECKSUM_BYTES: usize = 8;
/// Longest token, characters: the checksum and a key of 128 bytes. Keys of lists must not be longer.
pub const MAX_TOKEN_CHARS: usize = 2 * (CHECKSUM_BYTES + 128);

/// The page token was not issued for this list. Every contract reports it with this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page token is not valid for this list: start again without a page token")]
pub struct InvalidPageToken;

/// Encodes the token for the items after `key`. `list` identifies the list and the filters.
#[must_use]
pub fn encode(list: &[&str], key: &str) -> String {
    let checksum = checksum(list, key);
    checksum
        .iter()
        .chain(key.as_bytes())
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The position after which the requested page begins; none for the first page. `parse` reads the position from the key
/// of the last item. Fails if the token is damaged or belongs to another list.
pub fn position_after<K>(
    list: &[&str],
    token: Option<&str>,
    parse: impl FnOnce(&str) -> Option<K>,
) -> Result<Option<K>, InvalidPageToken> {
    let Some(token) = token else { return Ok(None) };
    let key = decode(list, token);
    key.as_deref().and_then(parse).map(Some).ok_or(InvalidPageToken)
}

/// Decodes the key of a token; none if the token is damaged or belongs to another list.
fn decode(list: &[&str], token: &str) -> Option<String> {
    let bytes = parse_hex(token)?;
    let (given, key) = bytes.split_at_checked(CHECKSUM_BYTES)?;
    let key = std::str::from_utf8(key).ok()?;
    (given == checksum(list, key)).then(|| key.to_owned())
}

/// Makes a page from the first `size` rows. Fetch `size + 1` rows: an extra row shows that a next page exists. `token`
/// encodes the token for the items after a row.
pub fn paginate<T>(mut rows: Vec<T>, size: u32, token: impl FnOnce(&T) -> String) -> Page<T> {
    let size = size as usize;
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next_page_token = if has_more { rows.last().map(token) } else { None };
    Page {
        items: rows,
        next_page_token,
    }
}

fn checksum(list: &[&str], key: &str) -> [u8; CHECKSUM_BYTES] {
    let mut hash = Sha256::new();
    for part in list.iter().chain([&key]) {
        // The length prefix keeps different lists from concatenating to the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    std::array::from_fn(|index| hash[index])
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_TOKEN_CHARS {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_decodes_to_its_key() {
        for key in ["", "85123A", "2 14 ключ"] {
            assert_eq!(
                decode(&["stations", "red"], &encode(&["stations", "red"], key)).as_deref(),
                Some(key)
            );
        }
    }

    #[test]
    fn a_token_of_another_list_is_refused() {
        let token = encode(&["stations", "red", ""], "A1");
        for list in [
            &["stations", "", "red"][..],
            &["stations", "red"],
            &["trains", "red", ""],
            &["stationsred", ""],
        ] {
            assert_eq!(decode(list, &token), None, "{list:?}");
        }
    }

    #[test]
    fn a_page_begins_after_the_key_of_its_token_and_without_a_token_at_the_start() {
        let parse = |key: &str| key.parse::<u32>().ok();
        assert_eq!(position_after(&["stations"], None, parse), Ok(None));
        let token = encode(&["stations"], "7");
        assert_eq!(position_after(&["stations"], Some(&token), parse), Ok(Some(7)));
        for refused in [encode(&["trains"], "7"), encode(&["stations"], "seven"), "7".to_owned()] {
            assert_eq!(
                position_after(&["stations"], Some(&refused), parse),
                Err(InvalidPageToken),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = encode(&["stations"], "A1");
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(decode(&["stations"], &changed), None, "{changed}");
        }
        for garbled in [
            "",
            "0",
            "zz",
            "é",
            &token[1..],
            &token[..token.len() - 1],
            &token.to_uppercase(),
            &"0".repeat(9_999),
        ] {
            assert_eq!(decode(&["stations"], garbled), None, "{garbled}");
        }
    }
}
