//! When the certificates in a PEM file expire. Checks no signature.
//!
//! Written by hand: rustls keeps the dates to itself, and a library for X.509 brings nine packages for this one field.

use std::path::Path;

use offshoot_contract::Timestamp;
use rustls::pki_types::pem;

use crate::tls::{TlsError, certificates, unreadable};

// Tags of DER.
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]`, the version of a certificate.
const VERSION: u8 = 0xa0;

/// The earliest end of the validity of the certificates in a PEM file. Fails if the file has no certificates, or one that
/// is unreadable.
pub fn certificate_expiry(path: &Path) -> Result<Timestamp, TlsError> {
    let certificates = certificates(path)?;
    let ends = certificates.iter().map(|certificate| not_after(certificate));
    let ends: Option<Vec<_>> = ends.collect();
    let earliest = ends.and_then(|ends| ends.into_iter().min());
    earliest.ok_or_else(|| unreadable(path, pem::Error::NoItemsFound, "certificate"))
}

/// `tbsCertificate.validity.notAfter` of a certificate in DER (RFC 5280).
fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let mut certificate = Reader(certificate).read(SEQUENCE)?;
    let mut signed = certificate.read(SEQUENCE)?;
    if signed.0.first() == Some(&VERSION) {
        signed.read(VERSION)?;
    }
    signed.read(INTEGER)?;
    // Algorithm and issuer.
    signed.read(SEQUENCE)?;
    signed.read(SEQUENCE)?;
    let mut validity = signed.read(SEQUENCE)?;
    validity.read_any()?;
    let (tag, Reader(time)) = validity.read_any()?;
    let time = std::str::from_utf8(time).ok()?;
    let (year, rest) = match tag {
        // Years of two digits are those from 1950 to 2049.
        UTC_TIME => {
            let (year, rest) = time.split_at_checked(2)?;
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = time.split_at_checked(4)?;
            (year.to_owned(), rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2);
    let [month, day, hour, minute, second] = [part(0)?, part(2)?, part(4)?, part(6)?, part(8)?];
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

/// Values in DER, one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next value, which must have this tag.
    fn read(&mut self, wanted: u8) -> Option<Reader<'a>> {
        let (tag, content) = self.read_any()?;
        (tag == wanted).then_some(content)
    }

    /// The tag and the content of the next value.
    fn read_any(&mut self) -> Option<(u8, Reader<'a>)> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        // A length below 128 is its own byte; else the byte has the number of the bytes that follow.
        let (length, rest) = match first {
            0..0x80 => (usize::from(first), rest),
            _ => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let shifted = |sum: usize, byte: &u8| Some(sum.checked_mul(256)? + usize::from(*byte));
                (length.iter().try_fold(0, shifted)?, rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, Reader(content)))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_first_certificate_to_expire_counts() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("chain.pem");
        let pem = |year| {
            let mut params = CertificateParams::new(vec!["peer".to_owned()]).expect("the name is valid");
            params.not_after = date_time_ymd(year, 1, 1);
            let key = KeyPair::generate().expect("a key is generated");
            params.self_signed(&key).expect("the certificate signs itself").pem()
        };
        std::fs::write(&file, format!("{}{}", pem(2051), pem(2031))).expect("the file is writable");
        let expiry = certificate_expiry(&file).expect("the file has certificates");
        assert_eq!(expiry.date_time().year(), 2031);

        // Whatever is missing at the end, nothing panics.
        let whole = certificates(&file).expect("the file has certificates").remove(0);
        for end in 0..whole.len() {
            assert_eq!(not_after(&whole[..end]), None);
        }
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").expect("writable");
        assert!(certificate_expiry(&file).is_err());
        assert!(certificate_expiry(&folder.path().join("missing.pem")).is_err());
    }
}
