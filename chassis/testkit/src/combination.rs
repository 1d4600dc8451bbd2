//! The combinations under which every body runs: two ways to the module, two engines under it.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use offshoot_contract::{Contract, Edge};
use offshoot_db::{Db, Engine};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys, router};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::coverage::Coverage;
use crate::observed::{Observed, Repeats};

/// How a body reaches the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Behind the module's edge.
    Direct,
    /// Through client and router, over a socket.
    Socket,
}

/// One way to the module over one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Combination {
    /// The way.
    pub access: Access,
    /// The engine.
    pub engine: Engine,
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = match self.access {
            Access::Direct => "direct",
            Access::Socket => "socket",
        };
        write!(f, "{access} on {}", self.engine)
    }
}

impl Combination {
    /// All that can run where Postgres is there, or is not.
    pub(crate) fn all(postgres: bool) -> Vec<Self> {
        let engines: &[Engine] = if postgres {
            &[Engine::Sqlite, Engine::Postgres]
        } else {
            &[Engine::Sqlite]
        };
        let of = |&engine| [Access::Direct, Access::Socket].map(|access| Self { access, engine });
        engines.iter().flat_map(of).collect()
    }
}

/// The ways to one module that a body gets, and the server that is one of them.
pub(crate) struct Reached<A: ?Sized> {
    pub(crate) api: Arc<A>,
    pub(crate) once: Arc<A>,
    _server: Option<AbortOnDropHandle<()>>,
}

pub(crate) async fn reach<A: Contract + ?Sized>(
    access: Access,
    implementation: Arc<A>,
    db: &Db,
    coverage: &Arc<Coverage>,
    repeats: Repeats,
) -> Reached<A> {
    let edge = Arc::new(Edge::new(implementation));
    match access {
        Access::Direct => observe(edge, None, coverage, repeats),
        Access::Socket => {
            let (client, server) = serve(edge, db).await;
            observe(Arc::new(client), Some(server), coverage, repeats)
        }
    }
}

fn observe<A: Contract + ?Sized>(
    invoke: Arc<impl offshoot_contract::Invoke<A>>,
    server: Option<AbortOnDropHandle<()>>,
    coverage: &Arc<Coverage>,
    repeats: Repeats,
) -> Reached<A> {
    let watched = |repeats| A::object(Observed::new(Arc::clone(&invoke), Arc::clone(coverage), repeats));
    Reached {
        api: watched(Some(repeats)),
        once: watched(None),
        _server: server,
    }
}

async fn serve<A: Contract + ?Sized>(edge: Arc<Edge<A>>, db: &Db) -> (Client<A>, AbortOnDropHandle<()>) {
    let keys = ServiceKeys::random().of(A::NAME);
    let options = ServerOptions {
        store_id: db.store_id(),
        instance: db.store_id(),
        keys: keys.clone(),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound listener has an address");
    let routes = router(edge, options);
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            eprintln!("the test's server ended: {error}");
        }
    });
    let client = Client::new(ClientOptions::to(
        format!("http://{address}").parse().expect("it is an address"),
        keys,
        ExpectedStore::exactly(db.store_id()),
    ));
    (client, AbortOnDropHandle::new(server))
}
