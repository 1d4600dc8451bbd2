//! Page tokens: where the next page begins, bound to the list that gave it. Knows no list and no database.
//!
//! A token is the key of the last item under a checksum over list and key, in hexadecimal. So a token of another list
//! and one that was damaged are both noticed. It is no secret and no proof: who forges one learns nothing that the
//! list does not show.

use sha2::{Digest, Sha256};

use crate::Page;

/// Bytes of the checksum. Enough that a damaged token is never taken for a good one by chance.
const CHECKSUM_BYTES: usize = 8;
/// Longest token, characters: the checksum and a key of 128 bytes. Whoever makes keys keeps them shorter.
const MAX_TOKEN_CHARS: usize = 2 * (CHECKSUM_BYTES + 128);

/// The token for the items after `key` in the list that `list` names.
#[must_use]
pub fn issue(list: &[&str], key: &str) -> String {
    let checksum = checksum(list, key);
    checksum
        .iter()
        .chain(key.as_bytes())
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The key in a token; none if it is not one of this list.
#[must_use]
pub fn open(list: &[&str], token: &str) -> Option<String> {
    let bytes = bytes_of_hex(token)?;
    let (given, key) = bytes.split_at_checked(CHECKSUM_BYTES)?;
    let key = std::str::from_utf8(key).ok()?;
    (given == checksum(list, key)).then(|| key.to_owned())
}

/// The first `size` of `rows` as a page; one row more than that says that there is a next one. `token` answers the
/// token for what comes after a row.
pub fn page<T>(mut rows: Vec<T>, size: u32, token: impl FnOnce(&T) -> String) -> Page<T> {
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
        // With its length, so that no two lists are one text.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    std::array::from_fn(|place| hash[place])
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
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
    fn a_token_gives_its_list_the_key_back() {
        for key in ["", "85123A", "2 14 ключ"] {
            assert_eq!(
                open(&["stations", "red"], &issue(&["stations", "red"], key)).as_deref(),
                Some(key)
            );
        }
    }

    #[test]
    fn another_list_does_not_take_it() {
        let token = issue(&["stations", "red", ""], "A1");
        for list in [
            &["stations", "", "red"][..],
            &["stations", "red"],
            &["trains", "red", ""],
            &["stationsred", ""],
        ] {
            assert_eq!(open(list, &token), None, "{list:?}");
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = issue(&["stations"], "A1");
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(open(&["stations"], &changed), None, "{changed}");
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
            assert_eq!(open(&["stations"], garbled), None, "{garbled}");
        }
    }
}
