//! The only address of a module loses its connections: all at once, silently, or within an answer. New connections work, so no
//! request fails.

use offshoot_tests::{Client, Data, Engine, Fault, FaultyProxy, Forgotten, Process, with_callees};
use serde_json::json;
use tokio::task::JoinSet;

use super::stock_product;

/// Requests at the same time, each on a connection of its own.
const CONCURRENT: usize = 4;

/// A front that reaches one module through a proxy.
struct Proxied {
    data: Data,
    module: Process,
    proxy: FaultyProxy,
    front: Process,
    product: String,
    client: Client,
}

impl Proxied {
    async fn start(module: &str) -> Self {
        let data = Data::new(Engine::Sqlite).await;
        let process = data.serve(&["--only", &with_callees(module).join(",")]).await;
        let proxy = FaultyProxy::in_front_of(process.address()).await;
        let front = data.serve(&["--remote", &format!("{module}={}", proxy.url)]).await;
        front.wait_until_ready().await;
        let product = stock_product(&data, &front).await;
        let client = Client::new(front.url());
        Self {
            data,
            module: process,
            proxy,
            front,
            product,
            client,
        }
    }

    /// Makes several requests at once, and all must succeed: each reads a product through the catalog.
    async fn read_at_once(&self) {
        let mut requests = JoinSet::new();
        for _ in 0..CONCURRENT {
            let (client, path) = (self.client.clone(), format!("/api/v1/products/{}", self.product));
            requests.spawn(async move { client.get(&path).await.expect(200) });
        }
        requests.join_all().await;
    }

    /// Changes several carts at once, and all changes must succeed.
    async fn change_at_once(&self, carts: &[String], quantity: u32) {
        let mut requests = JoinSet::new();
        for cart in carts {
            let path = format!("/api/v1/carts/{cart}/lines/{}", self.product);
            let client = self.client.clone();
            requests.spawn(async move {
                let changed = client.json("PUT", &path, &json!({ "quantity": quantity })).await;
                assert_eq!(changed.expect(200)["lines"][0]["quantity"], quantity);
            });
        }
        requests.join_all().await;
    }

    async fn stop(self) {
        self.front.stop().await;
        self.module.stop().await;
        drop(self.data);
    }
}

#[tokio::test]
async fn connections_that_were_forgotten_fail_no_read() {
    let shop = Proxied::start("catalog").await;
    for how in [Forgotten::Reset, Forgotten::Silent] {
        shop.read_at_once().await;
        shop.proxy.forget_connections(how);
        for _ in 0..3 {
            shop.read_at_once().await;
        }
    }
    shop.stop().await;
}

#[tokio::test]
async fn connections_that_were_forgotten_fail_no_change() {
    let shop = Proxied::start("carts").await;
    let mut carts = Vec::new();
    for _ in 0..CONCURRENT {
        let created = shop.client.send(shop.client.request("POST", "/api/v1/carts")).await;
        carts.push(created.expect(201)["id"].as_str().expect("a cart has an id").to_owned());
    }
    for (how, quantity) in [(Forgotten::Reset, 1), (Forgotten::Silent, 3)] {
        shop.change_at_once(&carts, quantity).await;
        shop.proxy.forget_connections(how);
        for next in 1..3 {
            shop.change_at_once(&carts, quantity + next).await;
        }
    }
    shop.stop().await;
}

#[tokio::test]
async fn an_answer_that_stops_midway_is_asked_for_again() {
    let shop = Proxied::start("catalog").await;
    shop.proxy.fault.send_replace(Fault::Stalled);
    let path = format!("/api/v1/products/{}", shop.product);
    let stalled = async {
        while shop.proxy.stalled() == 0 {
            tokio::task::yield_now().await;
        }
        shop.proxy.fault.send_replace(Fault::None);
    };
    let (response, ()) = tokio::join!(shop.client.get(&path), stalled);
    response.expect(200);
    shop.stop().await;
}
