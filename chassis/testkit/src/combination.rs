//! Test combinations: placement of the module (local or remote) x database engine.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use offshoot_contract::{Contract, Edge};
use offshoot_db::{Db, Engine};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys, router};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::coverage::Coverage;
use crate::data_state::DataState;
use crate::repeating::RepeatingInvoker;

/// Placement of the module, as seen by a test body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placement {
    /// In the test's process, behind the module's edge.
    Local,
    /// Behind a server, called through client and router over a socket.
    Remote,
}

/// One placement over one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Combination {
    /// Placement of the module.
    pub placement: Placement,
    /// Engine of the module's database.
    pub engine: Engine,
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let placement = match self.placement {
            Placement::Local => "local",
            Placement::Remote => "remote",
        };
        write!(f, "{placement} on {}", self.engine)
    }
}

impl Combination {
    /// All combinations, without those on Postgres if `postgres` is false.
    pub(crate) fn all(postgres: bool) -> Vec<Self> {
        let engines: &[Engine] = if postgres {
            &[Engine::Sqlite, Engine::Postgres]
        } else {
            &[Engine::Sqlite]
        };
        let on_engine = |&engine| [Placement::Local, Placement::Remote].map(|placement| Self { placement, engine });
        engines.iter().flat_map(on_engine).collect()
    }
}

/// Access of a test body to its module, with the server of a remote placement.
pub(crate) struct ModuleAccess<A: ?Sized> {
    /// Repeats every successful call with an effect.
    pub(crate) api: Arc<A>,
    /// Repeats no call.
    pub(crate) once: Arc<A>,
    _server: Option<AbortOnDropHandle<()>>,
}

/// Places the implementation and wraps every access in the recording of coverage. `state` detects changes by repeats.
pub(crate) async fn build_access<A: Contract + ?Sized>(
    placement: Placement,
    implementation: Arc<A>,
    db: &Db,
    coverage: &Arc<Coverage>,
    state: Arc<DataState>,
) -> ModuleAccess<A> {
    let edge = Arc::new(Edge::new(implementation));
    match placement {
        Placement::Local => wrap_invoker(edge, None, coverage, state),
        Placement::Remote => {
            let (client, server) = serve(edge, db).await;
            wrap_invoker(Arc::new(client), Some(server), coverage, state)
        }
    }
}

fn wrap_invoker<A: Contract + ?Sized>(
    invoke: Arc<impl offshoot_contract::Invoke<A>>,
    server: Option<AbortOnDropHandle<()>>,
    coverage: &Arc<Coverage>,
    state: Arc<DataState>,
) -> ModuleAccess<A> {
    let wrap = |state| A::new_proxy(RepeatingInvoker::new(Arc::clone(&invoke), Arc::clone(coverage), state));
    ModuleAccess {
        api: wrap(Some(state)),
        once: wrap(None),
        _server: server,
    }
}

async fn serve<A: Contract + ?Sized>(edge: Arc<Edge<A>>, db: &Db) -> (Client<A>, AbortOnDropHandle<()>) {
    let keys = ServiceKeys::random().for_module(A::NAME);
    let options = ServerOptions {
        store_id: db.store_id(),
        instance: db.store_id(),
        keys: keys.clone(),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let routes = router(edge, options);
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            eprintln!("the test server stopped: {error}");
        }
    });
    let client = Client::new(ClientOptions::for_address(
        format!("http://{address}").parse().expect("the address is a valid URL"),
        keys,
        ExpectedStore::exactly(db.store_id()),
    ));
    (client, AbortOnDropHandle::new(server))
}
