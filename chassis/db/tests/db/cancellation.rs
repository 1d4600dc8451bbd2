//! Futures dropped at any moment leave connections usable.

use std::time::Duration;

use crate::store::{Store, add, cx};

crate::on_both_engines!(a_call_dropped_at_any_moment_leaves_connections_usable);

/// Drops a write after a growing delay, from before the connection is acquired until after the commit.
async fn a_call_dropped_at_any_moment_leaves_connections_usable(store: Store) {
    // Writes that reported their commit.
    let mut certain = 0;
    for step in 0..150 {
        let mut cx = cx();
        let write = async {
            let mut tx = store.db.begin(&mut cx).await.expect("a usable connection");
            add(&mut tx, &format!("thing {step:03}")).await.expect("an insert");
            tx.commit(()).await.expect("a commit");
        };
        let done = tokio::time::timeout(Duration::from_micros(20 * step), write)
            .await
            .is_ok();
        assert!(!done || cx.effects() == 1, "a committed effect must be counted");
        certain += usize::from(done);
        if cx.effects() == 0 {
            assert!(
                !store.names().await.contains(&format!("thing {step:03}")),
                "an uncounted effect must not exist"
            );
        }
    }
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a usable connection");
    add(&mut tx, "last").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    let names = store.names().await;
    assert!(
        names.len() > certain && names.contains(&"last".to_owned()),
        "{} of {certain}",
        names.len()
    );
}
