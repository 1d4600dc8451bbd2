//! Address of a process that serves a module, as written in settings: `http[s]://HOST:PORT[#zone=ZONE]`.

use std::fmt;
use std::str::FromStr;

use offshoot_contract::ServerUrl;

/// Begins the zone of an address. The zone stands behind the URL, so that no zone can be mistaken for a module's name in
/// `MODULE=URL`.
const ZONE: &str = "#zone=";

/// Scheme, host and port of a process that serves a module, and optionally the process's zone: `http://10.0.0.7:7101`,
/// `http://10.0.0.7:7101#zone=eu-1`. A host name may resolve to several addresses, one for each process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) zone: Option<String>,
    pub(crate) url: ServerUrl,
}

/// The text is not a valid address.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{address}` is not a valid address: {reason}: give http://HOST:PORT or https://HOST:PORT, with #zone=ZONE behind it for a zone"
)]
pub struct InvalidAddress {
    /// The text, without the password.
    address: String,
    reason: String,
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = |reason: String| InvalidAddress {
            address: without_login(text),
            reason,
        };
        let scheme = text.split_once("://").map_or(text, |(scheme, _)| scheme);
        if let Some((name, _)) = scheme.split_once('=') {
            return Err(invalid(format!("`{name}=` is not part of an address")));
        }
        let (url, zone) = match text.split_once('#') {
            Some((url, _)) => {
                let zone = text[url.len()..].strip_prefix(ZONE).filter(|zone| is_zone(zone));
                let zone = zone.ok_or_else(|| invalid("`#` does not begin a zone such as #zone=eu-1".to_owned()))?;
                (url, Some(zone.to_owned()))
            }
            None => (text, None),
        };
        let url = url.parse::<ServerUrl>().map_err(|error| invalid(error.reason))?;
        Ok(Self { zone, url })
    }
}

fn is_zone(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// The text, with asterisks in the place of a user and a password.
fn without_login(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}***{}", &text[..scheme + 3], &text[at..]),
        _ => text.to_owned(),
    }
}

impl Address {
    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.is_encrypted()
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port()
    }
}

/// The form that `from_str` reads.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)?;
        match &self.zone {
            Some(zone) => write!(f, "{ZONE}{zone}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_address_parses_back() {
        for text in [
            "http://10.0.0.7:7101",
            "http://notes.internal:80#zone=eu-1",
            "http://[::1]:7101",
            "https://notes.internal",
        ] {
            assert_eq!(
                text.parse::<Address>().map(|address| address.to_string()).ok(),
                Some(text.to_owned())
            );
        }
    }

    #[test]
    fn an_invalid_address_is_refused_with_value_and_part() {
        for (text, part) in [
            ("10.0.0.7:7101", "scheme"),
            ("=http://a:1", "`=` is not part"),
            ("eu-1=http://a:1", "`eu-1=` is not part"),
            ("http://a:1#eu-1", "#zone=eu-1"),
            ("http://a:1#zone=", "#zone=eu-1"),
            ("http://a:1#zone=a b", "#zone=eu-1"),
            ("http://a:99999", "`99999`"),
            ("http://a:7411x#zone=eu-1", "`7411x`"),
            ("http://a:", "not a port"),
        ] {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(
                error.contains(&format!("`{text}`")) && error.contains(part),
                "{text}: {error}"
            );
            assert!(error.contains("http://HOST:PORT"), "{error}");
        }
    }

    #[test]
    fn a_refused_password_is_not_repeated() {
        let error = "http://user:s3@cret@a:1"
            .parse::<Address>()
            .expect_err("a login")
            .to_string();
        assert!(error.contains("`http://***@a:1`") && !error.contains("cret"), "{error}");
    }
}
