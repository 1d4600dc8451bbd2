//! Keeps the inner surfaces of a loopback address from being published: a proxy on the same host passes everything on.
//!
//! A proxy that adds no header and keeps the name of this machine cannot be told from a local client. Therefore everything on
//! the inner surfaces of a shared address also asks for a token.

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use http::header::{FORWARDED, HOST, VIA};
use http::{HeaderMap, HeaderName, StatusCode};

/// Headers that proxies add.
static OF_PROXIES: [HeaderName; 6] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// Serves `routes` to processes of this machine only. Others find nothing there.
pub(super) fn for_this_machine(routes: Router) -> Router {
    routes.layer(from_fn(async |request: Request, next: Next| -> Response {
        match is_direct(request.headers()) {
            true => next.run(request).await,
            false => StatusCode::NOT_FOUND.into_response(),
        }
    }))
}

/// Whether a request names this machine by a loopback address or as `localhost`, and went through no proxy that says so.
/// A web page whose name was bound to 127.0.0.1 is refused, too.
fn is_direct(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(is_loopback) && OF_PROXIES.iter().all(|name| !headers.contains_key(name))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a valid value")))
            .collect()
    }

    #[test]
    fn only_requests_from_this_machine_are_direct() {
        for host in ["127.0.0.1:7070", "127.0.0.2", "localhost:80", "LOCALHOST", "[::1]:7070"] {
            assert!(is_direct(&headers(&[("host", host)])), "{host}");
            for proxied in ["x-forwarded-for", "forwarded", "via", "x-real-ip"] {
                assert!(
                    !is_direct(&headers(&[("host", host), (proxied, "10.0.0.1")])),
                    "{proxied}"
                );
            }
        }
        for host in [
            "shop.example.com",
            "10.0.0.1:7070",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "",
            "[::2]",
        ] {
            assert!(!is_direct(&headers(&[("host", host)])), "{host}");
        }
        assert!(!is_direct(&HeaderMap::new()));
    }
}
