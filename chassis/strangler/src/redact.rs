//! Redaction: stored samples of differences keep what an engineer needs, and no personal data.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// Bytes of a hash that are kept: enough to see that two texts are the same.
const KEPT_BYTES: usize = 6;
/// Longest text that may be a code, an id or a time.
const MAX_PLAIN: usize = 40;
/// Digits of a number that is no telephone number.
const MAX_DIGITS: usize = 6;
/// Characters of an id after the prefix and the underscore.
const ID_DIGITS: usize = 26;

/// The value with other text replaced by length and keyed hash. Numbers, booleans, ids, times and kebab-case codes stay.
///
/// `key` is random and stays in the process: without the key nobody can guess a text by its hash.
#[must_use]
pub fn redact(value: &Value, key: &[u8; 32]) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) if is_plain(text) => value.clone(),
        Value::String(text) => Value::String(redacted(text, key)),
        Value::Array(elements) => elements.iter().map(|element| redact(element, key)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), redact(value, key)));
            Value::Object(fields.collect())
        }
    }
}

/// Whether redaction changes nothing, so that a sample can be replayed.
#[must_use]
pub fn is_replayable(value: &Value) -> bool {
    match value {
        Value::String(text) => is_plain(text),
        Value::Array(elements) => elements.iter().all(is_replayable),
        Value::Object(fields) => fields.values().all(is_replayable),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn redacted(text: &str, key: &[u8; 32]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    let hash = mac.finalize().into_bytes();
    let hash: String = hash.iter().take(KEPT_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("[{} characters, {hash}]", text.chars().count())
}

/// Whether a text is an id, a time, a number or a code of the contract, and so names nobody.
fn is_plain(text: &str) -> bool {
    if text.len() > MAX_PLAIN {
        return false;
    }
    is_code(text) || text.parse::<offshoot_contract::Timestamp>().is_ok() || has_id_form(text)
}

/// Lower-case words joined by hyphens, or an upper-case code such as a currency.
fn is_code(text: &str) -> bool {
    let is_kebab = text.contains('-') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let is_currency = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    is_kebab || is_currency
}

/// A UUID, an id of the contracts (`prd_01jq...`), or a short number.
fn has_id_form(text: &str) -> bool {
    let is_number = (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_uuid = text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let digits = text.split_once('_').map_or("", |(_, digits)| digits);
    let is_id = digits.len() == ID_DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_number || is_uuid || is_id
}
