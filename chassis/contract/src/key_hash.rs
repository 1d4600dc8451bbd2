//! Hash of a call's entity key, for decisions that must be the same for all calls of one entity, such as the side of a canary
//! release. Does not know what is decided.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::fnv;

/// Hash of the text of `key`, in the form used in paths: equal for equal keys of all methods and in all processes. Another
/// `salt` gives independent hashes. `None` for a key that is no plain text, number or truth value, such as an optional one.
///
/// Every bit of the hash depends on the whole key, so a comparison of some bits with a threshold draws a fair share of the
/// keys, and a higher threshold adds keys to those drawn before. Allocates nothing: routing does this for each call.
#[doc(hidden)]
pub fn key_hash(key: &impl Serialize, salt: u64) -> Option<u64> {
    let mut hasher = Fnv(fnv::EMPTY ^ mix(salt));
    write!(hasher, "{}", Text(key)).ok()?;
    Some(mix(hasher.0))
}

/// A scalar as text: a formatter serializes scalars without quotes, and refuses other values.
struct Text<'a, K>(&'a K);

impl<K: Serialize> fmt::Display for Text<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

struct Fnv(u64);

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = fnv::extend(self.0, text);
        Ok(())
    }
}

/// The finalizer of SplitMix64: the high bits of FNV-1a hardly depend on the last bytes.
pub(crate) const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    /// Whether a key is among the `share` of 2^32 parts that are drawn.
    fn is_drawn(key: &str, salt: u64, share: u32) -> bool {
        let hash = key_hash(&key, salt).expect("a text has a hash");
        u32::try_from(hash & u64::from(u32::MAX)).expect("32 bits") < share
    }

    #[derive(Serialize)]
    struct Wrapped(u32);
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        InParts,
    }

    #[test]
    fn a_scalar_has_the_hash_of_its_text_in_a_path() {
        let text = |text: &str| key_hash(&text, 7);
        assert_eq!(key_hash(&42_u64, 7), text("42"));
        assert_eq!(key_hash(&Wrapped(42), 7), text("42"));
        assert_eq!(key_hash(&true, 7), text("true"));
        assert_eq!(key_hash(&Kind::InParts, 7), text("in-parts"));
        assert_eq!(key_hash(&Some(1), 7), None);
        assert_eq!(key_hash(&[1, 2], 7), None);
    }

    #[test]
    fn consecutive_keys_are_drawn_in_a_fair_share_under_every_salt() {
        for salt in [0, 1, u64::MAX] {
            let drawn = (0..100_000_u32).filter(|key| is_drawn(&key.to_string(), salt, u32::MAX / 4));
            let drawn = drawn.count();
            // Five standard deviations of a fair draw are 685 keys.
            assert!((24_300..=25_700).contains(&drawn), "{drawn} with salt {salt}");
        }
    }

    proptest! {
        #[test]
        fn a_higher_threshold_adds_keys_and_removes_none(key: String, salt: u64, one: u32, other: u32) {
            let (low, high) = (one.min(other), one.max(other));
            prop_assert!(!is_drawn(&key, salt, low) || is_drawn(&key, salt, high));
        }

        #[test]
        fn equal_keys_have_equal_hashes_and_another_salt_gives_another_hash(key: String, salt: u64) {
            let hash = key_hash(&key, salt);
            prop_assert_eq!(key_hash(&&*key, salt), hash);
            prop_assert_ne!(key_hash(&key, salt ^ 1), hash);
        }
    }
}
