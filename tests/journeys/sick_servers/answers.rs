//! Servers that answer, and answer badly: gateways without a process behind, a defect in one method, overload, slow answers; and a
//! name that no longer has an address.

use std::time::Duration;

use offshoot_tests::{Client, Data, Engine, Fault, FaultyProxy, Process};

use super::{buy, endpoints, stock_product};

const READS: usize = 30;
const LIST: &str = "/api/v1/products?page_size=1";

/// A front that reaches the catalog through two proxies.
struct Shop {
    data: Data,
    catalog: Process,
    proxies: [FaultyProxy; 2],
    front: Process,
    product: String,
    client: Client,
}

impl Shop {
    /// `addresses`: how many of the proxies the front knows.
    async fn open(addresses: usize) -> Self {
        let data = Data::new(Engine::Sqlite).await;
        let catalog = data.serve(&["--only", "catalog"]).await;
        let proxies = [
            FaultyProxy::in_front_of(catalog.address()).await,
            FaultyProxy::in_front_of(catalog.address()).await,
        ];
        let remotes = proxies.each_ref().map(|proxy| format!("catalog={}", proxy.url));
        let remotes: Vec<_> = remotes.iter().flat_map(|remote| ["--remote", remote]).collect();
        let front = data.serve(&remotes[..2 * addresses]).await;
        front.wait_until_ready().await;
        let product = stock_product(&data, &front).await;
        let client = Client::new(front.url());
        Self {
            data,
            catalog,
            proxies,
            front,
            product,
            client,
        }
    }

    async fn stop(self) {
        self.front.stop().await;
        self.catalog.stop().await;
    }
}

#[tokio::test]
async fn a_gateway_without_a_process_behind_fails_no_request_while_there_is_another_address() {
    let shop = Shop::open(2).await;
    for status in [502, 503, 504] {
        shop.proxies[0].fault.send_replace(Fault::Gateway(status));
        for _ in 0..READS {
            shop.client.get(LIST).await.expect(200);
        }
        // Carts ask the catalog for prices.
        assert_eq!(buy(&shop.client, &shop.product).await, 201);
        shop.proxies[0].fault.send_replace(Fault::None);
    }
    shop.stop().await;
}

#[tokio::test]
async fn a_gateway_at_the_only_address_is_unavailable_and_the_next_answer_of_the_module_counts() {
    let shop = Shop::open(1).await;
    for status in [502, 503, 504] {
        shop.proxies[0].fault.send_replace(Fault::Gateway(status));
        shop.client.get(LIST).await.expect_problem(503, "unavailable");
        shop.proxies[0].fault.send_replace(Fault::None);
        shop.front
            .wait_until("has not recovered", async || shop.client.get(LIST).await.status == 200)
            .await;
    }
    shop.stop().await;
}

#[tokio::test]
async fn a_defect_of_one_method_shuts_no_other_method() {
    let shop = Shop::open(1).await;
    let product = format!("/api/v1/products/{}", shop.product);
    shop.proxies[0].fault.send_replace(Fault::Problem {
        path: "/v1/products/",
        status: 500,
        code: "internal",
    });
    for _ in 0..READS {
        let response = shop.client.get(&product).await;
        assert!(response.status >= 500, "{}", response.text);
        shop.client.get(LIST).await.expect(200);
    }
    shop.proxies[0].fault.send_replace(Fault::None);
    shop.client.get(&product).await.expect(200);
    shop.stop().await;
}

#[tokio::test]
async fn an_overloaded_address_is_not_ejected() {
    let shop = Shop::open(2).await;
    for proxy in &shop.proxies {
        proxy.fault.send_replace(Fault::Problem {
            path: "/v1/products",
            status: 503,
            code: "overloaded",
        });
    }
    for _ in 0..READS {
        shop.client.get(LIST).await.expect_problem(503, "overloaded");
    }
    for proxy in &shop.proxies {
        proxy.fault.send_replace(Fault::None);
    }
    shop.client.get(LIST).await.expect(200);
    for endpoint in endpoints(&shop.data, &shop.front, "catalog").await {
        assert_eq!(endpoint["ejected"], false, "{endpoint}");
    }
    shop.stop().await;
}

#[tokio::test]
async fn a_slow_tail_fails_nothing() {
    let shop = Shop::open(2).await;
    let delay = Duration::from_millis(300);
    shop.proxies[0].fault.send_replace(Fault::SlowTail { one_in: 5, delay });
    for _ in 0..READS {
        shop.client.get(LIST).await.expect(200);
    }
    for endpoint in endpoints(&shop.data, &shop.front, "catalog").await {
        assert_eq!(endpoint["ejected"], false, "{endpoint}");
    }
    shop.stop().await;
}

#[tokio::test]
async fn a_name_without_an_address_takes_nothing_from_the_others() {
    let data = Data::new(Engine::Sqlite).await;
    let catalog = data.serve(&["--only", "catalog"]).await;
    let unknown = "catalog=http://no-such-host.invalid:7411";
    let known = format!("catalog={}", catalog.url());
    let front = data.serve(&["--remote", unknown, "--remote", &known]).await;
    front.wait_until_ready().await;
    let product = stock_product(&data, &front).await;
    let client = Client::new(front.url());
    for _ in 0..READS {
        client.get(LIST).await.expect(200);
    }
    assert_eq!(buy(&client, &product).await, 201);
    front.stop().await;
    catalog.stop().await;
}
