//! The chassis: a contract served by `offshoot-rest` and called through a switch, with all default features enabled.

use std::path::Path;
use std::sync::Arc;

use offshoot_contract::{CallContext, Contract, Edge, Switch, Target};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys};
use uuid::Uuid;

use crate::contract::{Items, ItemsApi, LIST_LENGTH};
use crate::load::Caller;
use crate::{ID, Resource, server_process};

/// Serves the contract to callers with the service key.
pub(crate) async fn serve(key: &Path) {
    let edge = Arc::new(Edge::<dyn ItemsApi>::new(Arc::new(Items)));
    let options = ServerOptions {
        store_id: Uuid::now_v7(),
        instance: Uuid::now_v7(),
        keys: service_key(key).for_module("items"),
    };
    server_process::serve(offshoot_rest::router(edge, options)).await;
}

/// Connects the contract as a consumer does.
pub(crate) fn connect(address: &str, key: &Path) -> Arc<dyn ItemsApi> {
    let address = format!("http://{address}").parse().expect("the address is valid");
    let keys = service_key(key).for_module("items");
    let options = ClientOptions::for_address(address, keys, ExpectedStore::first_found());
    let client = <dyn ItemsApi>::new_proxy(Arc::new(Client::new(options)));
    <dyn ItemsApi>::new_proxy(Arc::new(Switch::new(Target::Remote(client))))
}

fn service_key(path: &Path) -> ServiceKeys {
    ServiceKeys::load_or_create(path).expect("the key file is created")
}

/// A caller through the contract's trait.
#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) api: Arc<dyn ItemsApi>,
    pub(crate) resource: Resource,
}

impl Caller for Stub {
    async fn call(&mut self, _: usize) {
        let mut cx = CallContext::root("bench");
        match self.resource {
            Resource::Item => {
                let item = self.api.item(&mut cx, ID.to_owned()).await.expect("the call succeeds");
                assert_eq!(item.id, ID);
            }
            Resource::List => {
                let page = self.api.items(&mut cx, LIST_LENGTH).await.expect("the call succeeds");
                assert_eq!(page.items.len(), LIST_LENGTH as usize);
            }
        }
    }
}
