//! Secrets and certificates change while the store serves: no request fails, and the old ones no longer open anything.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use offshoot_rest::client_tls;
use offshoot_tests::{Client, Data, Engine, Operator, Process, free_address};
use serde_json::json;
use tokio::task::JoinHandle;

use super::authority::Authority;
use super::certificates::{Keys, get, write_secret};

/// The log says when changed files were read.
const LOG: (&str, &str) = ("RUST_LOG", "warn,offshoot=info");
const OLD: char = 'a';
const NEW: char = 'b';

/// Sends requests one after the other, until it is stopped.
struct Traffic {
    stopped: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    failures: JoinHandle<Vec<String>>,
}

impl Traffic {
    /// `send` returns the reason of a failure.
    fn start<F: Future<Output = Option<String>> + Send>(send: impl Fn() -> F + Send + 'static) -> Self {
        let (stopped, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (until, count) = (Arc::clone(&stopped), Arc::clone(&sent));
        let failures = tokio::spawn(async move {
            let mut failures = Vec::new();
            while !until.load(Ordering::Relaxed) {
                failures.extend(send().await);
                count.fetch_add(1, Ordering::Relaxed);
            }
            failures
        });
        Self {
            stopped,
            sent,
            failures,
        }
    }

    /// Waits until a request has begun and ended from now on.
    async fn wait_for_requests(&self) {
        let until = self.sent.load(Ordering::Relaxed) + 3;
        while self.sent.load(Ordering::Relaxed) < until {
            assert!(!self.failures.is_finished(), "the traffic has ended");
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.wait_for_requests().await;
        self.stopped.store(true, Ordering::Relaxed);
        let failures = self.failures.await.expect("the traffic does not panic");
        assert_eq!(failures, [""; 0], "requests failed");
    }
}

/// Asks the processes to read their files, and waits until they have.
async fn read_again(data: &Data, processes: &[&Process]) {
    let count = || data.log_text().matches("as SIGHUP asked").count();
    for process in processes {
        let before = count();
        process.send_signal("HUP").await;
        process
            .wait_until("does not read its files again", async || count() > before)
            .await;
    }
}

/// A catalog and a store that calls it, each with a file of service keys of its own.
async fn with_own_keys(data: &Data) -> (Process, Process, [PathBuf; 2]) {
    let files = ["catalog.key", "front.key"].map(|name| data.folder().join(name));
    let keys = files.each_ref().map(|file| {
        write_secret(file, &key(OLD));
        file.to_str().expect("the path is a text").to_owned()
    });
    let own = |keys: &str| {
        [LOG, ("OFFSHOOT__CONTRACTS__KEYS", keys)].map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let serve = async |keys: &str, arguments: &[&str]| {
        let own = own(keys);
        let own: Vec<_> = own
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        data.serve_with(&own, arguments).await
    };
    let catalog = serve(&keys[0], &["--only", "catalog"]).await;
    let front = serve(&keys[1], &["--remote", &format!("catalog={}", catalog.url())]).await;
    front.wait_until_ready().await;
    (catalog, front, files)
}

fn key(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn products_of(front: &Process) -> Traffic {
    let client = Client::new(front.url());
    Traffic::start(move || {
        let client = client.clone();
        async move {
            let answer = client.get("/api/v1/products").await;
            (answer.status != 200).then(|| format!("{} {}", answer.status, answer.text))
        }
    })
}

#[tokio::test]
async fn service_keys_change_without_a_failed_request() {
    let data = Data::new(Engine::Sqlite).await;
    let (catalog, front, files) = with_own_keys(&data).await;
    let traffic = products_of(&front);
    let both = [&catalog, &front];
    for text in [
        format!("{}\n{}", key(OLD), key(NEW)),
        format!("{}\n{}", key(NEW), key(OLD)),
        key(NEW),
    ] {
        for (file, process) in files.iter().zip(both) {
            write_secret(file, &text);
            read_again(&data, &[process]).await;
            traffic.wait_for_requests().await;
        }
    }
    // A file that is not usable changes nothing, and is noticed without a signal.
    write_secret(&files[0], "no key");
    catalog.wait_for_log("the values read before stay in use").await;
    traffic.wait_for_requests().await;
    traffic.stop().await;

    let status = async |digit: char| {
        let file = data.folder().join("tool.key");
        write_secret(&file, &key(digit));
        let mut command = data.command(&["token", "service", "catalog"]);
        let output = command.env("OFFSHOOT__CONTRACTS__KEYS", &file).output().await;
        let header = String::from_utf8(output.expect("the command runs").stdout).expect("the header is a text");
        let token = header
            .trim()
            .strip_prefix("Authorization: Bearer ")
            .expect("a header")
            .to_owned();
        Client::new(catalog.url())
            .with_token(token)
            .get("/modules/catalog/contract")
            .await
            .status
    };
    assert_eq!((status(OLD).await, status(NEW).await), (401, 200));
    front.stop().await;
    catalog.stop().await;
}

#[tokio::test]
async fn operators_and_link_keys_change_without_a_restart() {
    let data = Data::new(Engine::Sqlite).await;
    let store = data.serve_with(&[LOG], &[]).await;
    store.wait_until_ready().await;
    let (operators, links) = (data.folder().join("operators"), data.folder().join("link.key"));
    let token = |digit: char| digit.to_string().repeat(64);
    let status = async |digit: char| {
        let client = Client::new(store.url()).with_token(token(digit));
        client.get("/admin/placement").await.status
    };
    for (lines, old, new) in [("a", 200, 401), ("ab", 200, 200), ("b", 401, 200)] {
        let lines: Vec<_> = lines.chars().map(|digit| format!("ada {}", token(digit))).collect();
        write_secret(&operators, &lines.join("\n"));
        read_again(&data, &[&store]).await;
        assert_eq!((status(OLD).await, status(NEW).await), (old, new));
    }

    let operator = Operator::new(Client::new(store.url()).with_token(token(NEW)));
    let product = operator.add_product("L-1", "Tin lantern", "2.50").await;
    operator.receive_stock(&product, 9).await;
    let client = Client::new(store.url());
    let buy = async || {
        let cart = client
            .send(client.request("POST", "/api/v1/carts"))
            .await
            .header("location")
            .to_owned();
        client
            .json("PUT", &format!("{cart}/lines/{product}"), &json!({ "quantity": 1 }))
            .await
            .expect(200);
        let payment = json!({ "payment_token": "tok_visa", "email": "ada@example.com" });
        let placed = client.json("POST", &format!("{cart}/checkout"), &payment).await;
        placed.expect(201);
        placed.header("location").to_owned()
    };
    let before = buy().await;
    let old = std::fs::read_to_string(&links).expect("the start has made the file");
    for (lines, status) in [(format!("{}\n{}", key(NEW), old.trim()), 200), (key(NEW), 404)] {
        write_secret(&links, &lines);
        read_again(&data, &[&store]).await;
        assert_eq!(client.get(&before).await.status, status);
        assert_eq!(client.get(&buy().await).await.status, 200);
    }
    let log = data.log_text();
    assert!(
        !log.contains(&token(NEW)) && !log.contains(old.trim()),
        "a secret was logged"
    );
    store.stop().await;
}

#[tokio::test]
async fn certificates_and_their_authority_change_without_a_failed_request() {
    let data = Data::new(Engine::Sqlite).await;
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let keys = Keys::new(data.folder(), &old);
    let config = keys.settings();
    let address = free_address();
    let serve = async |arguments: &[&str]| {
        let all = [&["--config", config.as_str()], arguments].concat();
        data.serve_with(&[LOG], &all).await
    };
    let catalog = ["--only", "catalog", "--listen", address.as_str()];
    let remote = format!("catalog=https://{address}");
    let (executor, front) = (serve(&catalog).await, serve(&["--remote", &remote]).await);
    let trusting = |authorities: &[&Authority], name: &str| {
        let file = data.folder().join(name);
        write_secret(
            &file,
            &authorities.iter().map(|authority| authority.pem()).collect::<String>(),
        );
        client_tls(&file, None).expect("the authorities load")
    };
    let (either, only_old, only_new) = (
        trusting(&[&old, &new], "either.pem"),
        trusting(&[&old], "only-old.pem"),
        trusting(&[&new], "only-new.pem"),
    );
    let url = format!("{}/api/v1/products", front.url());
    let is_served = async |tls| get(tls, &url).await.is_ok_and(|(status, _)| status == 200);
    front
        .wait_until("is not ready", async || is_served(&either).await)
        .await;

    let (tls, to) = (either.clone(), url.clone());
    let traffic = Traffic::start(move || {
        let (tls, url) = (tls.clone(), to.clone());
        async move {
            match get(&tls, &url).await {
                Ok((200, _)) => None,
                Ok((status, body)) => Some(format!("{status} {body}")),
                Err(error) => Some(format!("{error:?}")),
            }
        }
    });
    let both = [&executor, &front];
    write_secret(&keys.authority, &format!("{}{}", old.pem(), new.pem()));
    read_again(&data, &both).await;
    assert_eq!((is_served(&only_old).await, is_served(&only_new).await), (true, false));
    keys.certify(&new);
    read_again(&data, &both).await;
    assert_eq!((is_served(&only_old).await, is_served(&only_new).await), (false, true));
    write_secret(&keys.authority, &new.pem());
    read_again(&data, &both).await;
    traffic.wait_for_requests().await;
    traffic.stop().await;

    // A new process trusts the new authority only, so the store has to show its new certificate.
    executor.stop().await;
    let executor = serve(&catalog).await;
    front
        .wait_until("does not reach the catalog", async || is_served(&only_new).await)
        .await;
    front.stop().await;
    executor.stop().await;
}
