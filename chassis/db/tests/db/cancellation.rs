//! Futures dropped at any moment leave connections in a known state.

use std::time::Duration;

use crate::store::{Store, add, cx};

crate::on_both_engines!(a_call_dropped_at_any_moment_harms_nobody);

/// Drops a whole write after longer and longer, from before it is first in line until after its commit.
async fn a_call_dropped_at_any_moment_harms_nobody(store: Store) {
    let mut certain = 0;
    for step in 0..150 {
        let mut cx = cx();
        let write = async {
            let mut tx = store.db.begin(&mut cx).await.expect("a connection in a known state");
            add(&mut tx, &format!("thing {step:03}")).await.expect("an insert");
            tx.commit(()).await.expect("a commit");
        };
        let done = tokio::time::timeout(Duration::from_micros(20 * step), write)
            .await
            .is_ok();
        assert!(!done || cx.effects() == 1, "an effect that was answered is counted");
        certain += usize::from(done);
        if cx.effects() == 0 {
            assert!(
                !store.names().await.contains(&format!("thing {step:03}")),
                "an effect that was not counted"
            );
        }
    }
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a connection in a known state");
    add(&mut tx, "last").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    let names = store.names().await;
    assert!(
        names.len() > certain && names.contains(&"last".to_owned()),
        "{} of {certain}",
        names.len()
    );
}
