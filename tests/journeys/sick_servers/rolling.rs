//! Two replicas of the store behind a load balancer that probes once a second are restarted one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use offshoot_tests::{Balancer, Client, Data, Engine};
use tokio::task::JoinSet;

use super::{buy, stock_product};

const CLIENTS: usize = 6;
/// Requests to each replica between two restarts.
const BETWEEN: u32 = 100;
/// Longer than two probes of the balancer.
const PAUSE: [(&str, &str); 1] = [("OFFSHOOT__SHUTDOWN__PAUSE", "3s")];

#[tokio::test]
async fn a_rolling_restart_behind_a_load_balancer_fails_no_request() {
    let data = Data::new(Engine::Sqlite).await;
    let mut replicas = vec![data.serve_with(&PAUSE, &[]).await, data.serve_with(&PAUSE, &[]).await];
    let product = stock_product(&data, &replicas[0]).await;
    let addresses: Vec<_> = replicas.iter().map(|replica| replica.address().to_owned()).collect();
    let balancer = Balancer::in_front_of(&addresses).await;
    replicas[0]
        .wait_until("is not in the balancer", async || balancer.ready() == 2)
        .await;
    let stop = Arc::new(AtomicBool::new(false));
    let purchases = Arc::new(AtomicU32::new(0));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (stop, purchases) = (Arc::clone(&stop), Arc::clone(&purchases));
        let (url, product) = (balancer.url.clone(), product.clone());
        clients.spawn(async move {
            let mut client = Client::new(&url);
            let mut failed = Vec::new();
            while !stop.load(Ordering::SeqCst) {
                if number % 2 == 0 {
                    // Half of the clients open connections, the others keep theirs.
                    client = Client::new(&url);
                }
                let status = buy(&client, &product).await;
                if status != 201 {
                    failed.push(status);
                }
                purchases.fetch_add(1, Ordering::SeqCst);
            }
            failed
        });
    }
    for address in addresses {
        let replica = replicas.remove(0);
        // Both replicas have served for a while.
        let until = purchases.load(Ordering::SeqCst) + BETWEEN;
        replica
            .wait_until("serves no purchases", async || {
                purchases.load(Ordering::SeqCst) >= until
            })
            .await;
        replica.stop().await;
        let replica = data.serve_with(&PAUSE, &["--listen", &address]).await;
        replica
            .wait_until("is not in the balancer", async || balancer.ready() == 2)
            .await;
        replicas.push(replica);
    }
    stop.store(true, Ordering::SeqCst);
    let failed: Vec<_> = clients.join_all().await.concat();
    let purchases = purchases.load(Ordering::SeqCst);
    println!("{purchases} purchases during two restarts");
    assert!(
        failed.is_empty(),
        "{failed:?} of {purchases} purchases:\n{}",
        data.log_text()
    );
    for replica in replicas {
        replica.stop().await;
    }
}
