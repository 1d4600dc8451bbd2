//! SCRAM-SHA-256 verifier of a password, the form in which Postgres stores passwords.
//!
//! The verifier is computed on the client, so that the password appears in no statement, no server log and no
//! `pg_stat_activity`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The number of rounds that Postgres itself uses.
const ROUNDS: u32 = 4096;

/// Computes the verifier of `password` with a random salt.
pub(crate) fn new_verifier(password: &str) -> String {
    compute_verifier(password, Uuid::new_v4().as_bytes(), ROUNDS)
}

/// Whether the stored verifier matches `password`. False for any other format, such as the older MD5 hash.
pub(crate) fn is_verifier_of(stored_verifier: &str, password: &str) -> bool {
    let mut parts = stored_verifier.split('$');
    let (Some("SCRAM-SHA-256"), Some(salting)) = (parts.next(), parts.next()) else {
        return false;
    };
    let Some((rounds, salt)) = salting.split_once(':') else {
        return false;
    };
    match (rounds.parse(), STANDARD.decode(salt)) {
        (Ok(rounds), Ok(salt)) => compute_verifier(password, &salt, rounds) == stored_verifier,
        _ => false,
    }
}

fn compute_verifier(password: &str, salt: &[u8], rounds: u32) -> String {
    let mut block = hmac_sha256(password.as_bytes(), &[salt, &[0, 0, 0, 1]]);
    let mut sum = block;
    for _ in 1..rounds {
        block = hmac_sha256(password.as_bytes(), &[&block]);
        for (sum, byte) in sum.iter_mut().zip(block) {
            *sum ^= byte;
        }
    }
    let stored: [u8; 32] = Sha256::digest(hmac_sha256(&sum, &[b"Client Key"])).into();
    let server = hmac_sha256(&sum, &[b"Server Key"]);
    let [salt, stored, server] = [salt, &stored, &server].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${rounds}:{salt}${stored}:{server}")
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC accepts keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_matches_only_its_own_password_and_is_salted() {
        let stored_verifier = new_verifier("correct horse");
        assert!(is_verifier_of(&stored_verifier, "correct horse"));
        assert!(!is_verifier_of(&stored_verifier, "correct horsE"));
        assert!(!stored_verifier.contains("horse"));
        assert_ne!(stored_verifier, new_verifier("correct horse"));
        for malformed in ["", "md5abc", "SCRAM-SHA-256$x:y$z", "SCRAM-SHA-256$4096"] {
            assert!(!is_verifier_of(malformed, "correct horse"), "{malformed}");
        }
    }

    /// The example of RFC 7677, with user `user` and password `pencil`.
    #[test]
    fn a_verifier_matches_the_example_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let stored_verifier = compute_verifier("pencil", &salt, 4096);
        assert_eq!(
            stored_verifier,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
