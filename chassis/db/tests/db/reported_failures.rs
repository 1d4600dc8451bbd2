//! Failures reported to the caller of a method after one of the method's transactions failed.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Contract, ContractError, Edge, FailureKind, contract};

use crate::store::{Store, add, cx};

crate::on_both_engines!(a_failure_may_have_executed_only_after_an_earlier_commit);

/// A module with a method of two transactions.
#[contract(name = "depot", version = "1.0")]
#[async_trait]
pub trait DepotApi: Send + Sync + 'static {
    /// Writes `tea`, then `milk`. The database is fenced before the first or before the second transaction.
    #[post("/both")]
    async fn write_both(&self, cx: &mut CallContext, fenced_before: u32) -> Result<(), DepotError>;
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum DepotError {
    #[error(transparent)]
    Call(#[from] CallFailure),
}

struct Depot(Arc<Store>);

#[async_trait]
impl DepotApi for Depot {
    async fn write_both(&self, cx: &mut CallContext, fenced_before: u32) -> Result<(), DepotError> {
        for (number, name) in [(1, "tea"), (2, "milk")] {
            if number == fenced_before {
                let fence = "UPDATE offshoot_owner SET role = 'fenced', epoch = epoch + 1";
                self.0.database.administer(fence).await;
            }
            let mut tx = self.0.db.begin(cx).await?;
            add(&mut tx, name).await?;
            tx.commit_part().await?;
        }
        Ok(())
    }
}

async fn a_failure_may_have_executed_only_after_an_earlier_commit(store: Store) {
    let store = Arc::new(store);
    let edge = Edge::new(Arc::new(Depot(Arc::clone(&store))) as Arc<dyn DepotApi>);
    let api = <dyn DepotApi>::new_proxy(edge);
    for (fenced_before, may_have_executed) in [(2, true), (1, false)] {
        let mut caller = cx();
        let Err(DepotError::Call(failure)) = api.write_both(&mut caller, fenced_before).await else {
            panic!("the database was fenced");
        };
        assert_eq!(
            (failure.kind(), failure.may_have_executed()),
            (&FailureKind::Unavailable, may_have_executed)
        );
        assert_eq!(caller.effects(), u32::from(may_have_executed));
        let open = "UPDATE offshoot_owner SET role = 'open', epoch = epoch + 1";
        store.database.administer(open).await;
    }
    assert_eq!(store.names().await, ["tea"], "only the first transaction was committed");
}
