//! Ours: a contract served by `offshoot-rest` and called through a switch, with everything that is on by default.

use std::path::Path;
use std::sync::Arc;

use offshoot_contract::{CallContext, Contract, Edge, Switch, Target};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys};
use uuid::Uuid;

use crate::contract::{Items, ItemsApi, LIST};
use crate::load::Caller;
use crate::{ID, Wanted, peer};

/// Serves the contract to those who have the key.
pub(crate) async fn serve(key: &Path) {
    let edge = Arc::new(Edge::<dyn ItemsApi>::new(Arc::new(Items)));
    let options = ServerOptions {
        store_id: Uuid::now_v7(),
        instance: Uuid::now_v7(),
        keys: service_key(key).of("items"),
    };
    peer::serve(offshoot_rest::router(edge, options)).await;
}

/// What a consumer of the contract holds.
pub(crate) fn connect(address: &str, key: &Path) -> Arc<dyn ItemsApi> {
    let address = format!("http://{address}").parse().expect("it is an address");
    let keys = service_key(key).of("items");
    let options = ClientOptions::to(address, keys, ExpectedStore::first(|_| {}));
    let client = <dyn ItemsApi>::object(Arc::new(Client::new(options)));
    <dyn ItemsApi>::object(Arc::new(Switch::new(Target::Remote(client))))
}

fn service_key(path: &Path) -> ServiceKeys {
    ServiceKeys::load_or_create(path).expect("a key can be made in a temporary folder")
}

/// Calls through the contract's trait.
#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) api: Arc<dyn ItemsApi>,
    pub(crate) wanted: Wanted,
}

impl Caller for Stub {
    async fn call(&mut self, _: usize) {
        let mut cx = CallContext::root("bench");
        match self.wanted {
            Wanted::Item => {
                let item = self
                    .api
                    .item(&mut cx, ID.to_owned())
                    .await
                    .expect("the stub is answered");
                assert_eq!(item.id, ID);
            }
            Wanted::List => {
                let page = self.api.items(&mut cx, LIST).await.expect("the stub is answered");
                assert_eq!(page.items.len(), LIST as usize);
            }
        }
    }
}
