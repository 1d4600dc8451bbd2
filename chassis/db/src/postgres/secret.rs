//! What a server keeps of a password: a SCRAM-SHA-256 verifier, made here, so that the password itself is in no
//! statement, no log of the server and no list of what runs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// As many rounds as Postgres makes by itself.
const ROUNDS: u32 = 4096;

/// What the server keeps of `password`, with a salt of its own.
pub(crate) fn verifier(password: &str) -> String {
    salted(password, Uuid::new_v4().as_bytes(), ROUNDS)
}

/// Whether `kept` was made of `password`. False for what cannot be read, such as the older MD5 form.
pub(crate) fn is_of(kept: &str, password: &str) -> bool {
    let mut parts = kept.split('$');
    let (Some("SCRAM-SHA-256"), Some(salting)) = (parts.next(), parts.next()) else {
        return false;
    };
    let Some((rounds, salt)) = salting.split_once(':') else {
        return false;
    };
    match (rounds.parse(), STANDARD.decode(salt)) {
        (Ok(rounds), Ok(salt)) => salted(password, &salt, rounds) == kept,
        _ => false,
    }
}

fn salted(password: &str, salt: &[u8], rounds: u32) -> String {
    let mut block = keyed(password.as_bytes(), &[salt, &[0, 0, 0, 1]]);
    let mut sum = block;
    for _ in 1..rounds {
        block = keyed(password.as_bytes(), &[&block]);
        for (sum, byte) in sum.iter_mut().zip(block) {
            *sum ^= byte;
        }
    }
    let stored: [u8; 32] = Sha256::digest(keyed(&sum, &[b"Client Key"])).into();
    let server = keyed(&sum, &[b"Server Key"]);
    let [salt, stored, server] = [salt, &stored, &server].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${rounds}:{salt}${stored}:{server}")
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("a key of any length will do");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_of_its_password_only_and_never_the_same_twice() {
        let kept = verifier("correct horse");
        assert!(is_of(&kept, "correct horse"));
        assert!(!is_of(&kept, "correct horsE"));
        assert!(!kept.contains("horse"));
        assert_ne!(kept, verifier("correct horse"));
        for strange in ["", "md5abc", "SCRAM-SHA-256$x:y$z", "SCRAM-SHA-256$4096"] {
            assert!(!is_of(strange, "correct horse"), "{strange}");
        }
    }

    /// The example of RFC 7677: user `user`, password `pencil`.
    #[test]
    fn the_keys_are_those_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let kept = salted("pencil", &salt, 4096);
        assert_eq!(
            kept,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
