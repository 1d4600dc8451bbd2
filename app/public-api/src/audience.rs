//! Audiences of operations. Each operation declares one, and its handler gets no request of anyone else.
//!
//! Also decides the scope of an idempotency key: two shoppers with the same key must not get each other's responses.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use offshoot_contract::ErrorDescription;
use orders_api::OrderId;
use orders_api::v1::{OrdersError, orders_api_methods};
use serde_json::{Value, json};
use subtle::{Choice, ConstantTimeEq as _};

use super::PublicApi;
use super::problems::{RequestProblem, UNAUTHENTICATED, errors_of};
use super::refusal::Refusal;
use super::request::{IDEMPOTENCY_KEY, Ids, Principal};

/// Header of an order's link token. No query parameter: servers and proxies log URLs, and browsers pass them on.
pub(super) const ORDER_TOKEN: HeaderName = HeaderName::from_static("order-token");
/// Cookie with the id of a client: 32 hexadecimal digits. The cookie opens nothing; idempotency keys hold for the client.
pub(super) const CLIENT: &str = "offshoot-client";

/// Callers of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Anyone. The id of a cart is known to its maker alone.
    Anyone,
    /// The holder of the token in the response to the checkout, and operators.
    LinkHolder,
    /// Operators, and anyone if the store's reports are open.
    ReportReader,
    /// Operators.
    Operator,
}

/// The guard before the handler of one operation.
pub(super) struct Guard {
    pub(super) audience: Audience,
    pub(super) has_effect: bool,
    pub(super) api: PublicApi,
}

impl Audience {
    /// Refusals of the guard.
    pub(super) fn refusals(self) -> &'static [RequestProblem] {
        match self {
            Audience::Anyone | Audience::LinkHolder => &[],
            Audience::ReportReader | Audience::Operator => &[UNAUTHENTICATED],
        }
    }

    /// Errors of a module with which the guard refuses.
    pub(super) fn errors(self) -> Vec<ErrorDescription> {
        let mut errors = match self {
            Audience::LinkHolder => errors_of::<orders_api_methods::OrderMethod>(),
            Audience::Anyone | Audience::ReportReader | Audience::Operator => Vec::new(),
        };
        errors.retain(|error| error.code == "unknown-order");
        errors
    }

    /// Security requirements in the OpenAPI document, each sufficient.
    pub(super) fn security(self) -> Value {
        match self {
            Audience::Anyone => json!([]),
            Audience::LinkHolder => json!([{ "orderLink": [] }, { "operator": [] }]),
            Audience::ReportReader | Audience::Operator => json!([{ "operator": [] }]),
        }
    }
}

/// Security schemes of the OpenAPI document.
pub(super) fn security_schemes() -> Value {
    json!({
        "operator": { "type": "http", "scheme": "bearer", "description": "An operator's token." },
        "orderLink": {
            "type": "apiKey",
            "in": "header",
            "name": "Order-Token",
            "description": "The `link_token` in the response to the checkout. In a web link, carry the token in the fragment, which browsers send to no server.",
        },
    })
}

/// Admits a request of the operation's audience.
pub(super) async fn admit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let admitted = match guard.admitted(&mut parts).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal.into_response(),
    };
    if let Some(principal) = admitted.principal {
        parts.extensions.insert(principal);
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let headers = response.headers_mut();
    if let Some(cookie) = admitted.cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    if guard.audience != Audience::Anyone {
        // Shared caches know no `Order-Token`.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[derive(Default)]
struct Admitted {
    principal: Option<Principal>,
    /// Tells a new client its id.
    cookie: Option<HeaderValue>,
}

impl Admitted {
    fn by(principal: impl Into<Arc<str>>) -> Self {
        Self {
            principal: Some(Principal(principal.into())),
            cookie: None,
        }
    }
}

impl Guard {
    async fn admitted(&self, parts: &mut Parts) -> Result<Admitted, Refusal> {
        let operator = |parts: &Parts| {
            let name = (self.api.operator)(&parts.headers)?;
            Some(Admitted::by(format!("operator {name}")))
        };
        match self.audience {
            Audience::Anyone => Ok(self.anyone(parts).await),
            Audience::ReportReader if self.api.open_reports => Ok(self.anyone(parts).await),
            Audience::ReportReader | Audience::Operator => operator(parts).ok_or_else(|| {
                let why = "this operation needs an operator's token: send Authorization: Bearer TOKEN";
                Refusal::new(UNAUTHENTICATED, why)
            }),
            Audience::LinkHolder => match operator(parts) {
                Some(operator) => Ok(operator),
                None => self.link_holder(parts).await,
            },
        }
    }

    /// Refuses like an unknown order, and as fast: a stranger does not learn whether the order exists.
    async fn link_holder(&self, parts: &mut Parts) -> Result<Admitted, Refusal> {
        let Ids(order) = Ids::<OrderId>::from_request_parts(parts, &self.api).await?;
        let presented = parts.headers.get(ORDER_TOKEN).map_or(&b""[..], HeaderValue::as_bytes);
        let tokens = (self.api.links)(order);
        let is_valid = tokens.iter().fold(Choice::from(0), |found, token| {
            found | token.as_bytes().ct_eq(presented)
        });
        if bool::from(is_valid) {
            return Ok(Admitted::by(order.to_string()));
        }
        let refusal = Refusal::from(OrdersError::UnknownOrder { id: order });
        Err(refusal.explained(format!(
            "there is no order {order}, or the request lacks the order's token: send the `link_token` of the checkout as \
             Order-Token"
        )))
    }

    /// The holder of the cart in the path, or else a client with a cookie. Without a key nobody needs a name.
    async fn anyone(&self, parts: &mut Parts) -> Admitted {
        if !self.has_effect || !parts.headers.contains_key(IDEMPOTENCY_KEY) {
            return Admitted::default();
        }
        let ids = RawPathParams::from_request_parts(parts, &()).await.ok();
        if let Some((_, id)) = ids.as_ref().and_then(|ids| ids.iter().next()) {
            return Admitted::by(id);
        }
        let (id, cookie) = match client_id(parts) {
            Some(id) => (id.to_owned(), None),
            None => {
                let id = format!("{:032x}", rand::random::<u128>());
                let cookie = HeaderValue::try_from(format!("{CLIENT}={id}; Path=/api/v1; HttpOnly; SameSite=Lax"));
                (id, cookie.ok())
            }
        };
        Admitted {
            cookie,
            ..Admitted::by(format!("client {id}"))
        }
    }
}

/// The id in the client's cookie, if the id is well-formed.
fn client_id(parts: &Parts) -> Option<&str> {
    let cookies = parts.headers.get_all(header::COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let id = pairs.find_map(|pair| pair.trim().strip_prefix(CLIENT)?.strip_prefix('='))?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (id.len() == 32 && id.bytes().all(is_digit)).then_some(id)
}
