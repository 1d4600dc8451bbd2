//! URL of an HTTP server, as written in settings and flags: `http[s]://HOST[:PORT]`.
//!
//! Parsed whole: a text that a lenient parser would cut, such as a port above 65535, is refused. Opens no connection.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Scheme, host and port of an HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    is_encrypted: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: Option<u16>,
}

/// The text is not the URL of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: give http://HOST:PORT or https://HOST:PORT")]
pub struct InvalidServerUrl {
    /// The part that is wrong, and why. Holds no password.
    pub reason: String,
}

impl ServerUrl {
    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.is_encrypted { "https" } else { "http" }
    }

    /// Name or IP address, as written; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; without one, the port of the scheme.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_encrypted { 443 } else { 80 })
    }

    /// Host and port as written: the value of a `Host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidServerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidServerUrl> {
        parse(text).map_err(|reason| InvalidServerUrl { reason })
    }
}

fn parse(text: &str) -> Result<ServerUrl, String> {
    let (is_encrypted, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err("the scheme is missing or not HTTP".to_owned()),
    };
    if rest.contains('@') {
        return Err("a user or a password is not part of an address".to_owned());
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if let Some(found) = authority.chars().find(|found| "/?#\\".contains(*found)) {
        return Err(format!("`{found}` and all after it is not part of an address"));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("`]` is missing")?;
            let host: Ipv6Addr = host
                .parse()
                .map_err(|_| format!("`{host}` is not a valid IPv6 address"))?;
            let port = match port.strip_prefix(':') {
                Some(port) => Some(port),
                None if port.is_empty() => None,
                None => return Err(format!("`{port}` after `]` is not a port")),
            };
            (host.to_string(), port)
        }
        None => {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            if !is_host_name(host) {
                return Err(format!("`{host}` is not a valid host name or IP address"));
            }
            (host.to_owned(), port)
        }
    };
    let port = port.map(parse_port).transpose()?;
    Ok(ServerUrl {
        is_encrypted,
        host,
        port,
    })
}

fn parse_port(text: &str) -> Result<u16, String> {
    // `parse` alone would accept a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or_else(|| format!("`{text}` is not a port from 1 to 65535"))
}

/// Whether the text is an IPv4 address or a host name. Resolvers read other names of digits and dots as IPv4 addresses
/// that nobody wrote.
fn is_host_name(text: &str) -> bool {
    let labels = || text.strip_suffix('.').unwrap_or(text).split('.');
    let is_valid = |label: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(is_allowed)
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let ends_in_digits = labels().next_back().is_some_and(is_number);
    match ends_in_digits {
        true => text.parse::<Ipv4Addr>().is_ok(),
        false => labels().all(is_valid),
    }
}

/// The `http` URL of a listener.
impl From<SocketAddr> for ServerUrl {
    fn from(socket: SocketAddr) -> Self {
        Self {
            is_encrypted: false,
            host: socket.ip().to_string(),
            port: Some(socket.port()),
        }
    }
}

/// The form that `from_str` reads.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_url_parses_back() {
        for (text, host, port) in [
            ("http://10.0.0.7:7101", "10.0.0.7", 7101),
            ("http://notes.internal:80", "notes.internal", 80),
            ("http://[::1]:7101", "::1", 7101),
            ("https://[::1]", "::1", 443),
            ("https://notes_2.internal.", "notes_2.internal.", 443),
            ("http://localhost", "localhost", 80),
        ] {
            let url: ServerUrl = text.parse().expect(text);
            assert_eq!((url.host(), url.port(), url.to_string()), (host, port, text.to_owned()));
        }
    }

    #[test]
    fn a_text_that_is_not_a_url_as_a_whole_is_refused_with_the_part() {
        for (text, part) in [
            ("", "scheme"),
            ("10.0.0.7:7101", "scheme"),
            ("ftp://a:1", "scheme"),
            ("http://", "host name"),
            ("http://:80", "host name"),
            ("http://a:99999", "`99999`"),
            ("http://a:65536", "`65536`"),
            ("http://a:-1", "`-1`"),
            ("http://a:+1", "`+1`"),
            ("http://a:0", "`0`"),
            ("http://a:7411x", "`7411x`"),
            ("http://a:", "`` is not a port"),
            ("http://a:1:2", "`1:2`"),
            ("http://[::1]:", "`` is not a port"),
            ("http://[::1]80", "`80`"),
            ("http://[::1", "`]`"),
            ("http://[a]:1", "IPv6"),
            ("http://user:pw@a:1", "user"),
            ("http://user@a:1", "user"),
            ("http://a:1/b", "`/`"),
            ("http://a:1//", "`/`"),
            ("http://a:1?z=1", "`?`"),
            ("http://a:1#b", "`#`"),
            ("http://a b:1", "host name"),
            ("http://a..b:1", "host name"),
            ("http://10.0.0.256:1", "host name"),
            ("http://10.1:1", "host name"),
            (" http://a:1", "scheme"),
        ] {
            let error = text.parse::<ServerUrl>().expect_err(text).to_string();
            assert!(
                error.contains(part) && error.contains("http://HOST:PORT"),
                "{text}: {error}"
            );
            assert!(!error.contains("pw"), "{error}");
        }
    }
}
