//! Replicas that are sick without being dead: hung, or with a defect in one method.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use offshoot_contract::{Contract as _, FailureKind, Switch, Target};
use offshoot_rest::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::notes::{NotesApi, cx, expect_failure, until};
use crate::replicas::{Deployment, HEALTHY, HUNG, url};

#[tokio::test]
async fn a_hung_replica_attracts_no_calls_and_is_ejected_until_it_answers() {
    let deployment = Deployment::new();
    let replicas = [deployment.replica().await, deployment.replica().await];
    let addresses = replicas.each_ref().map(|replica| url(replica.address));
    for zone in [None, Some("here".to_owned())] {
        // With a zone, the hung replica is the only near one.
        let mut places = addresses.clone();
        if zone.is_some() {
            places[0].push_str("#zone=here");
        }
        let client = deployment.client(&places, |options| options.zone = zone);
        let api = switched(Arc::clone(&client));
        api.wait(&mut cx(), 0).await.unwrap();
        replicas[0].state.store(HUNG, Ordering::SeqCst);
        // Changes without a key stay where they are: nobody knows whether they were executed.
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
            waiting.spawn(async move { api.count_after(&mut cx(), 0).await.is_ok() });
        }
        let state = || client.endpoints().swap_remove(0);
        until(|| state().in_flight > 0).await;
        let before = state().calls;
        let mut made = 0;
        until_async(async || {
            api.wait(&mut cx(), 0).await.unwrap();
            made += 1;
            state().ejected
        })
        .await;
        let attracted = state().calls - before;
        assert!(
            attracted <= 12 + made / 20,
            "{attracted} of {made} calls went to the hung replica"
        );
        replicas[0].state.store(HEALTHY, Ordering::SeqCst);
        until_async(async || {
            api.wait(&mut cx(), 0).await.unwrap();
            !state().ejected
        })
        .await;
        waiting.join_all().await;
    }
}

#[tokio::test]
async fn calls_that_wait_at_a_hung_replica_succeed_at_another() {
    let deployment = Deployment::new();
    let replicas = [deployment.replica().await, deployment.replica().await];
    let addresses = replicas.each_ref().map(|replica| url(replica.address));
    let api = switched(deployment.client(&addresses, |_| {}));
    replicas[0].state.store(HUNG, Ordering::SeqCst);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..16 {
        let api = Arc::clone(&api);
        calls.spawn(async move {
            match number % 2 {
                0 => api.wait(&mut cx(), 0).await,
                // The switch gives the change a key.
                _ => api.count_after(&mut cx(), 0).await,
            }
        });
    }
    for answer in calls.join_all().await {
        answer.unwrap();
    }
    replicas[0].state.store(HEALTHY, Ordering::SeqCst);
}

#[tokio::test]
async fn a_long_call_is_answered_although_it_was_sent_again() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let api = switched(deployment.client(&[url(replica.address)], |_| {}));
    let context = || cx().with_timeout(Duration::from_secs(4));
    let mut safe = context();
    // The repeat would need as long as the first attempt, which is not abandoned.
    api.wait(&mut safe, 2_500).await.unwrap();
    assert_eq!(safe.retries_left(), 2);
    let mut keyed = context();
    // The switch gives the change a key, but the change is executed only once at a time.
    api.count_after(&mut keyed, 2_500).await.unwrap();
    assert_eq!(keyed.retries_left(), 3);
}

#[tokio::test]
async fn a_method_with_a_defect_does_not_shut_the_address_for_other_methods() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let client = deployment.client(&[url(replica.address)], |_| {});
    let api = <dyn NotesApi>::new_proxy(client);
    for _ in 0..20 {
        // Panics in the implementation.
        let failure = expect_failure(api.note(&mut cx(), "panics".to_owned()).await);
        assert_eq!(failure.kind(), &FailureKind::Internal);
        api.wait(&mut cx(), 0).await.unwrap();
    }
    for _ in 0..20 {
        let failure = expect_failure(api.note(&mut cx(), "panics".to_owned()).await);
        assert_eq!(
            failure.kind(),
            &FailureKind::Internal,
            "not shut after failures in a row"
        );
    }
    api.wait(&mut cx(), 0).await.unwrap();
}

#[tokio::test]
async fn connections_that_a_proxy_has_forgotten_fail_no_call() {
    let deployment = Deployment::new();
    let replica = deployment.replica().await;
    let proxy = ForgetfulProxy::start(replica.address).await;
    let client = deployment.client(&[url(proxy.address)], |_| {});
    let api = switched(Arc::clone(&client));
    // An unsafe call on a connection that is dead without a sign waits for its deadline.
    for (is_silent, is_safe) in [(false, true), (false, false), (true, true)] {
        open_connections(&api).await;
        proxy.forget(is_silent);
        for _ in 0..10 {
            // A dead connection costs half of the time.
            let mut cx = cx().with_timeout(Duration::from_secs(4));
            let answer = match is_safe {
                true => api.wait(&mut cx, 0).await,
                false => api.count_after(&mut cx, 0).await,
            };
            answer.unwrap();
        }
        assert!(!client.endpoints()[0].ejected);
    }
}

fn switched(client: Arc<Client<dyn NotesApi>>) -> Arc<dyn NotesApi> {
    let client = <dyn NotesApi>::new_proxy(client);
    <dyn NotesApi>::new_proxy(Switch::new(Target::Remote(client)))
}

/// Opens several connections and leaves them idle.
async fn open_connections(api: &Arc<dyn NotesApi>) {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let api = Arc::clone(api);
        calls.spawn(async move { api.wait(&mut cx(), 50).await.unwrap() });
    }
    calls.join_all().await;
}

/// A proxy that forgets its connections: the next bytes on one of them are answered by a reset, or by nothing.
struct ForgetfulProxy {
    address: SocketAddr,
    /// Generation of the connections that work, and whether the others are silent.
    state: Arc<(AtomicU32, AtomicBool)>,
}

impl ForgetfulProxy {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<(AtomicU32, AtomicBool)> = Arc::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(to).await.unwrap();
                tokio::spawn(pass_on(client, server, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    fn forget(&self, is_silent: bool) {
        self.state.1.store(is_silent, Ordering::SeqCst);
        self.state.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn pass_on(mut client: TcpStream, server: TcpStream, state: Arc<(AtomicU32, AtomicBool)>) {
    let generation = state.0.load(Ordering::SeqCst);
    let (mut from_server, mut to_server) = server.into_split();
    let (mut request, mut response) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(read @ 1..) = read else { return };
                if state.0.load(Ordering::SeqCst) != generation {
                    if state.1.load(Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                    client.set_zero_linger().unwrap();
                    return;
                }
                if to_server.write_all(&request[..read]).await.is_err() { return };
            }
            read = from_server.read(&mut response) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(&response[..read]).await.is_err() { return };
            }
        }
    }
}

/// Waits for an event, however long the machine takes.
async fn until_async(mut holds: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < give_up, "the event did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
