//! Test harness: a new store for each test, and an HTTP client without a socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use catalog_api::v1::CatalogApi;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use offshoot::config::{Flags, Settings, load_from};
use offshoot::serve;
use offshoot::wiring::{self, Wired};
use offshoot_contract::{CallContext, SystemClock};
use offshoot_import::online_retail::Modules;
use offshoot_public_api::{self as public_api, PublicApi};
use offshoot_rest::Operators;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

use crate::documented::find_undocumented;

/// A store in a temporary folder.
pub(crate) struct Store {
    pub(crate) folder: TempDir,
    pub(crate) catalog: Arc<dyn CatalogApi>,
    pub(crate) modules: Wired,
}

impl Store {
    /// An empty store with all modules in this process.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let options = settings(&folder).host_options(Arc::new(SystemClock));
        let wired = wiring::connect(options.expect("the keys can be made"))
            .await
            .expect("the modules open");
        Self {
            folder,
            catalog: wired.catalog.clone().expect("the catalog runs in this process"),
            modules: wired,
        }
    }

    /// The modules that importers fill.
    pub(crate) fn importable(&self) -> Modules {
        let modules = serve::front::importable(&self.modules).expect("the calls are declared");
        modules.expect("all are local")
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(&self.folder)
    }

    pub(crate) fn cx(&self) -> CallContext {
        CallContext::root("public")
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.public_side()).with_token(self.operator_token())
    }

    pub(crate) fn operator_token(&self) -> String {
        serve::load_operators(&self.settings()).expect("the file of operators is made");
        Operators::first_token(&self.settings().operators_file()).expect("the file has an operator")
    }

    pub(crate) fn public_side(&self) -> PublicApi {
        let operators = serve::load_operators(&self.settings()).expect("they are made");
        let mut files = serve::reload::ReloadedFiles::default();
        let public = serve::front::public_side(&self.modules, &self.settings(), &Arc::new(operators), &mut files);
        public.expect("the calls are declared").expect("all are local")
    }
}

fn settings(folder: &TempDir) -> Settings {
    let mut flags = Flags::default();
    flags.set("--data-dir", "data_dir", folder.path().to_string_lossy());
    flags.set("--config", "currencies", "EUR, USD");
    load_from(None, [], &flags).expect("the defaults are valid").settings
}

/// Client of the public API. Knows the orders that it has checked out.
pub(crate) struct Client {
    routes: Router,
    token: String,
    /// Link tokens by order.
    links: Mutex<BTreeMap<String, String>>,
    document: OnceCell<Value>,
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(api: PublicApi) -> Self {
        let home = public_api::home("http://127.0.0.1:7070", true, Vec::new);
        Self {
            routes: public_api::router(api).merge(home),
            token: String::new(),
            links: Mutex::default(),
            document: OnceCell::new(),
        }
    }

    /// Sends the operator's token.
    pub(crate) fn with_token(self, token: String) -> Self {
        Self { token, ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty())).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(json_body(Request::put(path)).body(body.to_string().into()))
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(json_body(Request::post(path)).body(body.to_string().into()))
            .await
    }

    /// The OpenAPI document.
    pub(crate) async fn document(&self) -> &Value {
        let read = || async {
            self.receive(Request::get("/api/v1/openapi.json").body(Body::empty()))
                .await
                .body
        };
        self.document.get_or_init(read).await
    }

    /// Sends a request. The OpenAPI document must describe the answer.
    pub(crate) async fn send(&self, request: http::Result<Request<Body>>) -> Answer {
        let sent = request
            .as_ref()
            .map(|request| (request.method().clone(), request.uri().path().to_owned()));
        let (method, path) = sent.expect("the request is well-formed");
        let answer = self.receive(request).await;
        let undocumented = find_undocumented(
            self.document().await,
            (&method, &path),
            answer.status,
            &answer.text("code"),
        );
        assert_eq!(undocumented, None, "{}", answer.body);
        answer
    }

    async fn receive(&self, request: http::Result<Request<Body>>) -> Answer {
        let mut request = request.expect("the request is well-formed");
        let is_for_operators = ["/admin/", "/reports/"]
            .iter()
            .any(|part| request.uri().path().contains(part));
        if !self.token.is_empty() && is_for_operators {
            let token = format!("Bearer {}", self.token)
                .parse()
                .expect("the token is a valid header");
            request.headers_mut().insert(header::AUTHORIZATION, token);
        }
        if let Some(link) = self
            .link(request.uri().path())
            .filter(|_| !request.headers().contains_key("order-token"))
        {
            request.headers_mut().insert("order-token", link);
        }
        let response = self.routes.clone().oneshot(request).await;
        let (parts, body) = response.expect("a router is infallible").into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("the body is complete");
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        };
        if answer.body["link_token"].is_string() {
            let mut links = self.links.lock().expect("no test panics in between");
            links.insert(answer.text("id"), answer.text("link_token"));
        }
        answer
    }

    /// The token of the order in the path, if this client has checked the order out.
    fn link(&self, path: &str) -> Option<HeaderValue> {
        let order = path.strip_prefix("/api/v1/orders/")?.split('/').next()?;
        let links = self.links.lock().expect("no test panics in between");
        links
            .get(order)
            .map(|token| token.parse().expect("a token is a valid header"))
    }

    /// Adds a product and returns the id of the product.
    pub(crate) async fn add_product(&self, sku: &str, name: &str, amount: &str) -> String {
        let price = json!({ "amount": amount, "currency": "GBP" });
        let product = json!({ "sku": sku, "name": name, "category": "other", "price": price });
        let answer = self.post("/api/v1/admin/products", product).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.text("id")
    }

    /// Creates a cart and returns the path of the cart.
    pub(crate) async fn new_cart(&self) -> String {
        let answer = self.send(Request::post("/api/v1/carts").body(Body::empty())).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.header(header::LOCATION.as_str())
    }
}

impl Answer {
    pub(crate) fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    }
}

pub(crate) fn json_body(request: http::request::Builder) -> http::request::Builder {
    request.header(header::CONTENT_TYPE, "application/json")
}
