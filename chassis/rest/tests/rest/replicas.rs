//! Load balancing over several processes of one module: shares, ejection, failover and limits on calls in flight.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use offshoot_contract::{Contract as _, Edge, FailureKind, Switch, Target};
use offshoot_rest::{
    Client, ClientLimits, ClientOptions, ExpectedStore, MethodLimits, ServerOptions, ServiceKeys, Surface, router,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::notes::{HELD, Notes, NotesApi, cx, expect_failure, until};

pub(crate) const HEALTHY: u8 = 0;
const SLOW: u8 = 1;
const BROKEN: u8 = 2;
/// Accepts connections and requests, and answers nothing, like a stopped process.
pub(crate) const HUNG: u8 = 3;

/// A server process of the deployment. The test sets the replica's state.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<AtomicU8>,
}

/// Store id and keys that the processes of one deployment share.
pub(crate) struct Deployment {
    store_id: Uuid,
    keys: ServiceKeys,
}

impl Deployment {
    pub(crate) fn new() -> Self {
        Self {
            store_id: Uuid::now_v7(),
            keys: ServiceKeys::random(),
        }
    }

    pub(crate) fn options(&self) -> ServerOptions {
        ServerOptions {
            store_id: self.store_id,
            instance: Uuid::now_v7(),
            keys: self.keys.for_module("notes"),
        }
    }

    pub(crate) async fn replica(&self) -> Replica {
        self.replica_at("127.0.0.1:0").await
    }

    async fn replica_at(&self, address: &str) -> Replica {
        let state = Arc::new(AtomicU8::new(HEALTHY));
        let edge = Arc::new(Edge::new(Arc::new(Notes::default()) as Arc<dyn NotesApi>));
        let routes = router(edge, self.options()).layer(from_fn_with_state(Arc::clone(&state), apply_state));
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Replica { address, state }
    }

    pub(crate) fn client(
        &self,
        addresses: &[String],
        change: impl FnOnce(&mut ClientOptions),
    ) -> Arc<Client<dyn NotesApi>> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let mut options = ClientOptions {
            addresses,
            zone: None,
            keys: self.keys.for_module("notes"),
            store: Arc::new(ExpectedStore::exactly(self.store_id)),
            limits: ClientLimits::default(),
            tls: None,
        };
        change(&mut options);
        Arc::new(Client::new(options))
    }
}

async fn apply_state(State(state): State<Arc<AtomicU8>>, request: Request, next: Next) -> Response {
    match state.load(Ordering::SeqCst) {
        SLOW => tokio::time::sleep(Duration::from_millis(200)).await,
        BROKEN => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        HUNG => {
            while state.load(Ordering::SeqCst) == HUNG {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        _ => {}
    }
    next.run(request).await
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// An address without a listener.
fn unused_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn calls(client: &Client<dyn NotesApi>) -> Vec<u64> {
    client.endpoints().iter().map(|endpoint| endpoint.calls).collect()
}

/// Each endpoint's share of the next few hundred calls.
async fn shares(client: &Client<dyn NotesApi>) -> Vec<f64> {
    let before = calls(client);
    let end = before.iter().sum::<u64>() + 300;
    until(|| calls(client).iter().sum::<u64>() >= end).await;
    let made: Vec<f64> = calls(client)
        .iter()
        .zip(before)
        .map(|(now, before)| (now - before) as f64)
        .collect();
    let sum: f64 = made.iter().sum();
    made.iter().map(|made| made / sum).collect()
}

/// Waits until `hold` accepts the endpoints' shares.
async fn wait_for_shares(client: &Client<dyn NotesApi>, hold: impl Fn(&[f64]) -> bool) {
    let begin = Instant::now();
    loop {
        let shares = shares(client).await;
        if hold(&shares) {
            return;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "the shares stay at {shares:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_and_a_broken_replica_lose_their_share_and_regain_it() {
    let deployment = Deployment::new();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(deployment.replica().await);
    }
    let urls: Vec<_> = replicas.iter().map(|replica| url(replica.address)).collect();
    let client = deployment.client(&urls, |_| {});
    let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..8 {
        let (api, stop) = (Arc::clone(&api), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                // Failures of the broken replica are expected.
                let _ = api.wait(&mut cx(), 0).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }
    wait_for_shares(&client, |shares| shares.iter().all(|share| *share > 0.15)).await;
    replicas[0].state.store(SLOW, Ordering::SeqCst);
    replicas[1].state.store(BROKEN, Ordering::SeqCst);
    wait_for_shares(&client, |shares| shares[0] < 0.1 && shares[1] < 0.1).await;
    replicas[0].state.store(HEALTHY, Ordering::SeqCst);
    replicas[1].state.store(HEALTHY, Ordering::SeqCst);
    wait_for_shares(&client, |shares| shares.iter().all(|share| *share > 0.15)).await;
    stop.store(true, Ordering::SeqCst);
}

#[tokio::test]
async fn a_call_to_an_address_without_listener_fails_over_to_another_replica() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let client = deployment.client(&[url(unused_address()), url(replica.address)], |_| {});
    let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
    for _ in 0..40 {
        api.count_after(&mut cx(), 0).await.unwrap();
    }
    let dead = &client.endpoints()[0];
    assert!((1..=6).contains(&dead.calls), "{dead:?}");
}

#[tokio::test]
async fn an_unreachable_process_fails_fast_and_is_found_again_after_a_restart() {
    let deployment = Deployment::new();
    let address = unused_address();
    let client = deployment.client(&[url(address)], |options| {
        options.limits.pause = Duration::from_secs(60);
        options.limits.longest_pause = Duration::from_secs(60);
    });
    let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
    let mut failure = None;
    for _ in 0..6 {
        failure = Some(expect_failure(api.count_after(&mut cx(), 0).await));
    }
    let failure = failure.unwrap();
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    assert!(failure.message().contains("cannot be reached"), "{failure}");
    assert!(client.endpoints()[0].ejected);
    // Without another endpoint, the ejected one is the last resort: the next call succeeds long before the ejection
    // ends.
    let _replica = deployment.replica_at(&address.to_string()).await;
    api.count_after(&mut cx(), 0).await.unwrap();
    assert!(!client.endpoints()[0].ejected);
}

#[tokio::test]
async fn a_process_that_drops_every_connection_is_ejected() {
    let deployment = Deployment::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&accepted);
    let _accepting = AbortOnDropHandle::new(tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 1_024]).await;
        }
    }));
    let client = deployment.client(&[url(address)], |options| {
        options.limits.pause = Duration::from_secs(60);
    });
    let api = <dyn NotesApi>::new_proxy(client);
    for _ in 0..20 {
        let failure = expect_failure(api.count_after(&mut cx(), 0).await);
        let asked = accepted.load(Ordering::SeqCst);
        if failure.message().contains("next probe in") {
            assert_eq!((asked, failure.may_have_executed()), (5, false));
        }
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_modules_own_error_and_a_callers_short_deadline_eject_no_endpoint() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let client = deployment.client(&[url(replica.address)], |_| {});
    let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
    for _ in 0..20 {
        api.note(&mut cx(), "none".to_owned()).await.unwrap_err();
        let hurried = api.wait(&mut cx().with_timeout(Duration::from_millis(5)), 100).await;
        assert_eq!(expect_failure(hurried).kind(), &FailureKind::Timeout);
    }
    assert!(!client.endpoints()[0].ejected);
}

#[tokio::test]
async fn a_method_may_have_tighter_limits_than_its_module() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let client = deployment.client(&[url(replica.address)], |options| {
        let own = MethodLimits {
            in_flight: Some(1),
            timeout: Some(Duration::from_millis(200)),
        };
        options.limits.methods.insert("count_after".to_owned(), own);
        options.limits.queue_wait = Duration::from_millis(20);
        options.limits.timeout = Some(Duration::from_secs(5));
    });
    let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
    let (mut one, mut other, mut third) = (cx(), cx(), cx());
    let (late, refused, waited) = tokio::join!(
        api.count_after(&mut one, HELD),
        async {
            until(|| calls(&client)[0] == 2).await;
            api.count_after(&mut other, 0).await
        },
        api.wait(&mut third, 300),
    );
    assert_eq!(expect_failure(late).kind(), &FailureKind::Timeout);
    let refused = expect_failure(refused);
    assert!(matches!(refused.kind(), FailureKind::Overloaded { .. }), "{refused:?}");
    waited.expect("other methods keep the module's limits");
}

#[test]
fn a_limit_for_an_unknown_method_is_refused() {
    let mut limits = ClientLimits::default();
    limits.methods.insert("notee".to_owned(), MethodLimits::default());
    let error = limits.check::<dyn NotesApi>().unwrap_err().to_string();
    assert_eq!(
        error,
        "`notee` is not a method of notes: the methods are note, names, write, count_after, wait"
    );
}

#[tokio::test]
async fn replicas_in_the_own_zone_are_called_while_they_are_healthy() {
    let deployment = Deployment::new();
    let (near, far) = (deployment.replica().await, deployment.replica().await);
    let urls = [
        format!("{}#zone=far", url(far.address)),
        format!("{}#zone=here", url(near.address)),
    ];
    let client = deployment.client(&urls, |options| options.zone = Some("here".to_owned()));
    let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
    for _ in 0..20 {
        api.wait(&mut cx(), 0).await.unwrap();
    }
    assert_eq!(calls(&client), [0, 20]);
    near.state.store(BROKEN, Ordering::SeqCst);
    for _ in 0..20 {
        let _ = api.wait(&mut cx(), 0).await;
    }
    assert!(calls(&client)[0] >= 15, "{:?}", client.endpoints());
}

#[tokio::test]
async fn a_host_name_is_resolved_and_an_unknown_one_fails_without_effect() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let client = deployment.client(&[format!("http://localhost:{}", replica.address.port())], |_| {});
    assert!(client.identify(Duration::from_secs(2)).await.is_ok());
    let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
    for _ in 0..10 {
        api.count_after(&mut cx(), 0).await.unwrap();
    }
    let unknown = deployment.client(&["http://no-such-host.invalid:80".to_owned()], |_| {});
    let failure = expect_failure(<dyn NotesApi>::new_proxy(unknown).count_after(&mut cx(), 0).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    assert!(
        failure.message().contains("no-such-host.invalid has no address"),
        "{failure}"
    );
}

#[tokio::test]
async fn an_unknown_host_name_takes_nothing_from_the_other_addresses() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let unknown = "http://no-such-host.invalid:80".to_owned();
    for host in ["localhost", "127.0.0.1"] {
        let known = format!("http://{host}:{}", replica.address.port());
        let client = deployment.client(&[unknown.clone(), known], |_| {});
        assert!(client.identify(Duration::from_secs(10)).await.is_ok());
        <dyn NotesApi>::new_proxy(client)
            .count_after(&mut cx(), 0)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_call_that_servers_answer_with_unavailable_is_sent_again_within_the_budget_of_the_request() {
    let deployment = Deployment::new();
    let requests = Arc::new(AtomicU32::new(0));
    let mut urls = Vec::new();
    for _ in 0..4 {
        let edge = Arc::new(Edge::new(Arc::new(Notes::default()) as Arc<dyn NotesApi>));
        assert!(edge.drain(Duration::ZERO).await, "no call is in flight");
        let counted = Arc::clone(&requests);
        let count = move |request: Request, next: Next| {
            counted.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        };
        let routes = router(edge, deployment.options()).layer(from_fn(count));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        urls.push(url(listener.local_addr().unwrap()));
        tokio::spawn(async move { axum::serve(listener, routes).await });
    }
    let call = async |retries, is_switched| {
        let client = <dyn NotesApi>::new_proxy(deployment.client(&urls, |_| {}));
        let api = match is_switched {
            true => <dyn NotesApi>::new_proxy(Switch::new(Target::Remote(client))),
            false => client,
        };
        for is_safe in [true, false] {
            let mut cx = cx().with_retries_left(retries);
            let failure = match is_safe {
                true => expect_failure(api.wait(&mut cx, 0).await),
                false => expect_failure(api.count_after(&mut cx, 0).await),
            };
            assert_eq!(
                (failure.kind(), failure.may_have_executed()),
                (&FailureKind::Unavailable, false)
            );
            assert_eq!(cx.retries_left(), 0);
        }
        requests.swap(0, Ordering::SeqCst)
    };
    assert_eq!(call(0, false).await, 2, "each call is sent once");
    assert_eq!(call(2, false).await, 6, "each call is sent to three servers");
    assert_eq!(
        call(3, true).await,
        8,
        "switch and client share three retries of each call"
    );
}

#[tokio::test]
async fn a_request_names_the_host_as_the_address_does() {
    let deployment = Deployment::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hosts = tokio::spawn(async move {
        let mut hosts = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            let length = stream.read(&mut request).await.unwrap();
            let head = String::from_utf8_lossy(&request[..length]).into_owned();
            let host = head.lines().find_map(|line| line.strip_prefix("host: "));
            hosts.push(host.unwrap_or_default().to_owned());
        }
        hosts
    });
    let client = deployment.client(&[format!("http://localhost:{port}")], |_| {});
    assert!(client.identify(Duration::from_secs(10)).await.is_err());
    expect_failure(<dyn NotesApi>::new_proxy(client).count_after(&mut cx(), 0).await);
    let expected = format!("localhost:{port}");
    assert_eq!(hosts.await.unwrap(), [expected.clone(), expected]);
}

#[tokio::test]
async fn calls_beyond_the_clients_limit_are_overloaded_and_not_executed() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let client = deployment.client(&[url(replica.address)], |options| {
        options.limits.in_flight = 2;
        options.limits.queue_wait = Duration::from_millis(20);
    });
    let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
    let slow = |api: Arc<dyn NotesApi>| tokio::spawn(async move { api.wait(&mut cx(), 0).await });
    replica.state.store(HUNG, Ordering::SeqCst);
    let in_flight = [slow(Arc::clone(&api)), slow(Arc::clone(&api))];
    until(|| client.endpoints()[0].in_flight == 2).await;
    let failure = expect_failure(api.count_after(&mut cx(), 0).await);
    assert!(matches!(failure.kind(), FailureKind::Overloaded { .. }), "{failure:?}");
    assert!(!failure.may_have_executed());
    replica.state.store(HEALTHY, Ordering::SeqCst);
    for call in in_flight {
        call.await.unwrap().unwrap();
    }
    api.count_after(&mut cx(), 0).await.unwrap();
}

#[tokio::test]
async fn calls_beyond_the_servers_limit_are_overloaded_and_carry_retry_after() {
    let deployment = Deployment::new();
    let notes = Arc::new(Notes::default());
    let edge = Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>));
    let surface = Surface::new("notes", deployment.options())
        .with_max_in_flight(1)
        .with_version(edge);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, surface.into_router()).await });
    let api = <dyn NotesApi>::new_proxy(deployment.client(&[url(address)], |_| {}));
    let other = Arc::clone(&api);
    let in_flight = tokio::spawn(async move { other.wait(&mut cx(), HELD).await });
    until(|| notes.begun.load(Ordering::SeqCst) == 1).await;
    let failure = expect_failure(api.count_after(&mut cx(), 0).await);
    let retry_after = Duration::from_secs(1);
    assert_eq!(failure.kind(), &FailureKind::Overloaded { retry_after });
    assert!(!failure.may_have_executed());
    notes.released.notify_one();
    in_flight.await.unwrap().unwrap();
    api.count_after(&mut cx(), 0).await.unwrap();
}
