//! Load balancer in front of replicas: asks each once a second whether the replica is ready, and passes connections to ready ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::client::Client;

/// Pause between two probes, as load balancers have it.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// A load balancer of connections. It runs until the tokio runtime ends.
#[derive(Debug)]
pub struct Balancer {
    /// The balancer's URL.
    pub url: String,
    backends: Arc<Vec<Backend>>,
}

#[derive(Debug)]
struct Backend {
    address: String,
    is_ready: AtomicBool,
}

impl Balancer {
    /// Starts a balancer in front of the processes at these addresses (host and port).
    pub async fn in_front_of(addresses: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let backend = |address: &String| Backend {
            address: address.clone(),
            is_ready: AtomicBool::new(false),
        };
        let backends: Arc<Vec<_>> = Arc::new(addresses.iter().map(backend).collect());
        for index in 0..backends.len() {
            tokio::spawn(probe(Arc::clone(&backends), index));
        }
        tokio::spawn(pass_on(listener, Arc::clone(&backends)));
        Self {
            url: format!("http://{address}"),
            backends,
        }
    }

    /// Replicas that were ready at the last probe.
    #[must_use]
    pub fn ready(&self) -> usize {
        let is_ready = |backend: &&Backend| backend.is_ready.load(Ordering::SeqCst);
        self.backends.iter().filter(is_ready).count()
    }
}

async fn probe(backends: Arc<Vec<Backend>>, index: usize) {
    let backend = &backends[index];
    loop {
        // A new client each time: a probe is not to succeed on a connection that only the probe still has.
        let client = Client::new(&format!("http://{}", backend.address));
        let is_ready = client.get("/health/ready").await.status == 200;
        backend.is_ready.store(is_ready, Ordering::SeqCst);
        sleep(PROBE_INTERVAL).await;
    }
}

async fn pass_on(listener: TcpListener, backends: Arc<Vec<Backend>>) {
    let mut next = 0;
    while let Ok((mut client, _)) = listener.accept().await {
        next += 1;
        let ready = (0..backends.len()).map(|offset| &backends[(next + offset) % backends.len()]);
        let ready = ready.filter(|backend| backend.is_ready.load(Ordering::SeqCst));
        // Without a ready backend, the client's request fails.
        let Some(backend) = ready.map(|backend| backend.address.clone()).next() else {
            continue;
        };
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(backend).await {
                // An ended connection is no error of the balancer.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
