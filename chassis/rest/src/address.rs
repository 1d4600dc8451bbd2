//! Address of a process that serves a module, as written in settings: `[ZONE=]http[s]://HOST:PORT`.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// Scheme, host and port of a process that serves a module, and optionally the process's zone: `http://10.0.0.7:7101`,
/// `eu-1=http://10.0.0.7:7101`. A host name may resolve to several addresses, one for each process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) zone: Option<String>,
    pub(crate) url: Uri,
}

/// The text is not a valid address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a valid address: give http://HOST:PORT or https://HOST:PORT, optionally with ZONE= in front")]
pub struct InvalidAddress(String);

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        let (zone, url) = match text.split_once('=') {
            Some((zone, url)) if !zone.is_empty() && !zone.contains(':') => (Some(zone.to_owned()), url),
            Some(_) => return Err(invalid()),
            None => (None, text),
        };
        let url: Uri = url.parse().map_err(|_| invalid())?;
        let bare = url.query().is_none() && matches!(url.path(), "" | "/");
        if matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty()) && bare
        {
            return Ok(Self { zone, url });
        }
        Err(invalid())
    }
}

impl Address {
    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.scheme() == "https"
    }

    pub(crate) fn scheme(&self) -> &str {
        self.url.scheme_str().unwrap_or_default()
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    pub(crate) fn port(&self) -> u16 {
        self.url
            .port_u16()
            .unwrap_or(if self.is_encrypted() { 443 } else { 80 })
    }
}

/// The form that `from_str` reads.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(zone) = &self.zone {
            write!(f, "{zone}=")?;
        }
        f.write_str(self.url.to_string().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_address_parses_back() {
        for text in [
            "http://10.0.0.7:7101",
            "eu-1=http://notes.internal:80",
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
    fn an_invalid_address_is_refused() {
        for text in [
            "",
            "10.0.0.7:7101",
            "ftp://a:1",
            "=http://a:1",
            "http://",
            "http://a:1/b",
            "http://a:1?z=1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
