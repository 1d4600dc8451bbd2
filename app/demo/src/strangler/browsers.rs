//! Browsers look at pages of the public API, again and again, and count each request that fails.
//!
//! A round has every kind of page, and more pages that show the data of the demonstrated module.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::Method;
use offshoot_replay::http::{Header, HttpClient, client, is_declared, send};
use offshoot_replay::{LatestOrder, Requests};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Number of browsers, and the pause between two pages: at most 300 pages a second.
const BROWSERS: u64 = 3;
const PAUSE: Duration = Duration::from_millis(10);
/// Timeout of one request. The store ends its requests after 10 s.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Visits of the module's own pages in one round, for each visit of the other pages.
const OWN_VISITS: usize = 4;
/// Parts of product names in the sample.
const WORDS: [&str; 8] = ["red", "heart", "lantern", "bag", "set", "clock", "vintage", "candle"];
/// Dimensions of reports.
const DIMENSIONS: [&str; 4] = ["month", "country", "product", "status"];

/// A page, or a small change. Each change has an idempotency key, so that the store may execute a call again that died
/// with the candidate.
#[derive(Debug, Clone, Copy)]
enum Page {
    Products,
    Search,
    Product,
    Stock,
    Listings,
    Listing,
    /// A new cart, and the cart's page.
    Cart,
    /// The newest order of the buyers, as the customer sees it.
    Order,
    Notices,
    Revenue,
    Sales,
    /// An operator adds a product and changes its price.
    NewProduct,
}

/// The pages of each round, whatever the module.
const PAGES: [Page; 6] = [
    Page::Products,
    Page::Search,
    Page::Product,
    Page::Stock,
    Page::Listings,
    Page::Listing,
];

/// The pages that show data of the module.
fn own_pages(module: &str) -> &'static [Page] {
    match module {
        "catalog" => &[Page::Products, Page::Search, Page::Product],
        "inventory" => &[Page::Product, Page::Stock],
        "carts" => &[Page::Cart],
        "payments" => &[Page::Order],
        "orders" => &[Page::Order, Page::Revenue],
        "storefront" => &[Page::Listings, Page::Listing],
        "notifications" => &[Page::Notices],
        "reporting" => &[Page::Sales],
        _ => &[],
    }
}

/// Running browsers.
pub(super) struct Browsers {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// The site that browsers look at.
pub(super) struct Site {
    /// Scheme, host and port of the store.
    pub(super) store: String,
    /// Value of the header `Authorization`, for pages of operators.
    pub(super) authorization: String,
    pub(super) module: String,
    /// The order whose page is shown.
    pub(super) latest: LatestOrder,
}

struct Shared {
    client: HttpClient,
    site: Site,
    /// Ids of products.
    products: Vec<String>,
    requests: Mutex<Requests>,
    rounds: AtomicU64,
    stopped: AtomicBool,
}

impl Browsers {
    /// Reads the ids of some products, and starts the browsers.
    pub(super) async fn start(site: Site) -> Result<Self> {
        let mut shared = Shared {
            client: client(),
            site,
            products: Vec::new(),
            requests: Mutex::default(),
            rounds: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        };
        let page = shared
            .visit(Method::GET, "/products?page_size=100", &[], &Value::Null)
            .await;
        let page = page.context("the store shows no products")?;
        let ids = page["items"].as_array().into_iter().flatten();
        shared.products = ids
            .filter_map(|product| product["id"].as_str())
            .map(str::to_owned)
            .collect();
        ensure!(!shared.products.is_empty(), "the store has no products: {page}");
        let shared = Arc::new(shared);
        let mut tasks = JoinSet::new();
        for number in 0..BROWSERS {
            tasks.spawn(Arc::clone(&shared).browse(number));
        }
        Ok(Self { shared, tasks })
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> Requests {
        self.shared.requests().clone()
    }

    /// Rounds so far: all browsers together.
    pub(super) fn rounds(&self) -> u64 {
        self.shared.rounds.load(Ordering::Relaxed)
    }

    /// Lets each browser finish the current page, and returns all requests.
    pub(super) async fn stop(mut self) -> Result<Requests> {
        self.shared.stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(self.requests())
    }
}

impl Shared {
    fn requests(&self) -> MutexGuard<'_, Requests> {
        // A poisoned lock is usable: no panic leaves the counts half changed.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn browse(self: Arc<Self>, number: u64) {
        let mut chance = StdRng::seed_from_u64(number);
        let own = own_pages(&self.site.module);
        // One operator is enough: each change is an event for the subscribers.
        let changes = (number == 0 && self.site.module == "catalog").then_some(Page::NewProduct);
        loop {
            let own = (0..OWN_VISITS).flat_map(|_| own.iter().copied());
            for page in PAGES.into_iter().chain(own).chain(changes) {
                if self.stopped.load(Ordering::Relaxed) {
                    return;
                }
                self.open(page, &mut chance).await;
                sleep(PAUSE).await;
            }
            self.rounds.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn open(&self, page: Page, chance: &mut StdRng) {
        let product = &self.products[chance.random_range(0..self.products.len())];
        let operator = [("authorization", self.site.authorization.as_str())];
        let (path, headers): (String, &[Header<'_>]) = match page {
            Page::Products => ("/products?page_size=20".to_owned(), &[]),
            Page::Search => {
                let word = WORDS[chance.random_range(0..WORDS.len())];
                (format!("/products?q={word}&page_size=20"), &[])
            }
            Page::Product => (format!("/products/{product}"), &[]),
            Page::Stock => (format!("/products/{product}/stock"), &[]),
            Page::Listings => ("/storefront/products?page_size=20".to_owned(), &[]),
            Page::Listing => (format!("/storefront/products/{product}"), &[]),
            Page::Revenue => ("/reports/revenue?by=country".to_owned(), &operator),
            Page::Order => return self.open_order("").await,
            Page::Notices => return self.open_order("/notices").await,
            Page::Cart => return self.open_cart(chance).await,
            Page::Sales => return self.query_sales(chance).await,
            Page::NewProduct => return self.add_product(chance).await,
        };
        self.visit(Method::GET, &path, headers, &Value::Null).await;
    }

    /// The newest order, with the token of the customer. No request before the first order.
    async fn open_order(&self, part: &str) {
        if let Some(order) = self.site.latest.get() {
            let (path, token) = (
                format!("/orders/{}{part}", order.id),
                ("order-token", &*order.link_token),
            );
            self.visit(Method::GET, &path, &[token], &Value::Null).await;
        }
    }

    async fn open_cart(&self, chance: &mut StdRng) {
        let key = format!("browser-{:016x}", chance.random::<u64>());
        let made = self
            .visit(Method::POST, "/carts", &[("idempotency-key", &key)], &Value::Null)
            .await;
        if let Some(id) = made.as_ref().and_then(|cart| cart["id"].as_str()) {
            self.visit(Method::GET, &format!("/carts/{id}"), &[], &Value::Null)
                .await;
        }
    }

    async fn query_sales(&self, chance: &mut StdRng) {
        let question = json!({
            "dimensions": [DIMENSIONS[chance.random_range(0..DIMENSIONS.len())]],
            "measures": ["orders", "net"],
            "currency": "GBP",
        });
        let operator = [("authorization", self.site.authorization.as_str())];
        self.visit(Method::POST, "/reports/query", &operator, &question).await;
    }

    async fn add_product(&self, chance: &mut StdRng) {
        let sku = format!("DEMO-{:08x}", chance.random::<u32>());
        let price = |amount| json!({ "amount": amount, "currency": "GBP" });
        let product =
            json!({ "sku": sku, "name": "Demonstration lantern", "category": "demo", "price": price("2.55") });
        let authorization = ("authorization", self.site.authorization.as_str());
        let (add, reprice) = (format!("{sku}-add"), format!("{sku}-price"));
        let headers = [authorization, ("idempotency-key", add.as_str())];
        let added = self.visit(Method::POST, "/admin/products", &headers, &product).await;
        if let Some(id) = added.as_ref().and_then(|product| product["id"].as_str()) {
            let headers = [authorization, ("idempotency-key", reprice.as_str())];
            let path = format!("/admin/products/{id}/price");
            self.visit(Method::PUT, &path, &headers, &price("2.65")).await;
        }
    }

    /// Sends one request and counts the outcome. Returns the body of a success or a declared problem.
    async fn visit(&self, method: Method, path: &str, headers: &[Header<'_>], body: &Value) -> Option<Value> {
        let url = format!("{}/api/v1{path}", self.site.store);
        let attempt = timeout(TIMEOUT, send(&self.client, method, &url, headers, body)).await;
        self.requests().count(&attempt);
        let (status, body) = attempt.ok()?.ok()?;
        is_declared(status, &body).then_some(body)
    }
}
