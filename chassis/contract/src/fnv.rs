//! FNV-1a with 64 bits: a hash that is the same in all processes and versions. The hash of the standard library may change.

/// Hash of the empty text.
pub(crate) const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;
const FACTOR: u64 = 0x0000_0100_0000_01b3;

/// Hash of a text. The low bits are better than the high ones: fold or mix the hash before a few bits are taken.
#[must_use]
pub fn fnv1a(text: &str) -> u64 {
    extend(EMPTY, text)
}

/// Hash of a longer text, from the hash of the beginning.
pub(crate) fn extend(hash: u64, text: &str) -> u64 {
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(FACTOR);
    text.bytes().fold(hash, add)
}
