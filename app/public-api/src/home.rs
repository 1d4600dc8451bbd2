//! The start page at `/`: modules, placements, and commands to try. Also the response to unknown paths.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, header};
use serde::Serialize;
use serde_json::json;

use super::refusal::Refusal;
use super::{ROOT, entry};

/// A module on the start page.
#[derive(Debug, Clone, Serialize)]
pub struct ModuleInfo {
    /// Name of the module.
    pub name: String,
    /// `local`, `encoded` or `remote`.
    pub placement: String,
}

/// Routes of the start page, as HTML or JSON by the Accept header, and the fallback of the whole process.
pub fn home<F>(url: &str, has_public_api: bool, modules: F) -> Router
where
    F: Fn() -> Vec<ModuleInfo> + Clone + Send + Sync + 'static,
{
    let url: Arc<str> = url.into();
    let page = move |headers: HeaderMap| async move { page(&headers, &url, has_public_api, &modules()) };
    Router::new()
        .route("/", get(page))
        .method_not_allowed_fallback(|| async { Refusal::no_method() })
        .fallback(|| async { Refusal::no_route() })
        .layer(from_fn_with_state(entry::Traced { share: 0.0, by: None }, entry::enter))
}

/// Commands to try.
#[must_use]
pub fn examples(url: &str) -> String {
    let api = format!("{url}{ROOT}");
    format!(
        "  curl '{api}/products?q=lantern'\n  \
         curl -X POST {api}/carts\n  \
         curl -X PUT {api}/carts/CART/lines/PRODUCT -H 'content-type: application/json' -d '{{\"quantity\": 2}}'\n  \
         curl -X POST {api}/carts/CART/checkout -H 'content-type: application/json' -d '{{\"payment_token\": \"tok_visa\", \"email\": \"ada@example.com\"}}'"
    )
}

fn page(headers: &HeaderMap, url: &str, has_public_api: bool, modules: &[ModuleInfo]) -> Response {
    let mut links = vec!["/health/ready"];
    if has_public_api {
        links.extend(["/api/v1/products", "/api/v1/openapi.json"]);
    }
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    if accept.contains("application/json") {
        return Json(json!({ "modules": modules, "links": links })).into_response();
    }
    let examples = has_public_api.then(|| examples(url));
    Html(html(modules, &links, examples.as_deref())).into_response()
}

fn html(modules: &[ModuleInfo], links: &[&str], examples: Option<&str>) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Offshoot</title>\n<h1>Offshoot</h1>\n<ul>\n",
    );
    // Writing to a string cannot fail.
    for module in modules {
        let text = escaped(&format!("{}: {}", module.name, module.placement));
        let _ = writeln!(html, "<li>{text}</li>");
    }
    html.push_str("</ul>\n<ul>\n");
    for link in links {
        let _ = writeln!(html, "<li><a href=\"{link}\">{link}</a></li>");
    }
    html.push_str("</ul>\n");
    if let Some(examples) = examples {
        let _ = writeln!(html, "<pre>{}</pre>", escaped(examples));
    }
    html.push_str("</html>\n");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
