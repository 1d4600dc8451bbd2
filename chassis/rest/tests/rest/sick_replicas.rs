//! Replicas that are sick without being dead: hung, or with a defect in one method.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use offshoot_contract::{Contract as _, FailureKind};

use crate::notes::{NotesApi, cx, expect_failure};
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
        let api = <dyn NotesApi>::new_proxy(Arc::clone(&client));
        api.wait(&mut cx(), 0).await.unwrap();
        replicas[0].state.store(HUNG, Ordering::SeqCst);
        // Changes stay where they are: nobody knows whether they were executed.
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let api = Arc::clone(&api);
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
async fn a_safe_call_that_waits_at_a_hung_replica_succeeds_at_another() {
    let deployment = Deployment::new();
    let replicas = [deployment.replica().await, deployment.replica().await];
    let addresses = replicas.each_ref().map(|replica| url(replica.address));
    let client = deployment.client(&addresses, |_| {});
    let api = <dyn NotesApi>::new_proxy(client);
    replicas[0].state.store(HUNG, Ordering::SeqCst);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let api = Arc::clone(&api);
        calls.spawn(async move { api.wait(&mut cx(), 0).await });
    }
    for answer in calls.join_all().await {
        answer.unwrap();
    }
    replicas[0].state.store(HEALTHY, Ordering::SeqCst);
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

async fn until(holds: impl Fn() -> bool) {
    until_async(async || holds()).await;
}

/// Waits for an event, however long the machine takes.
async fn until_async(mut holds: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < give_up, "the event did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
