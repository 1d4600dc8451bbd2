//! What this process and all others may take of the connections of each Postgres server, told at the start.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use offshoot_db::{Db, this_process};
use offshoot_host::HostedModule;

/// Prints a line for each Postgres server with data of this process, and warns if the store leaves too few connections.
pub(super) async fn tell_budgets(modules: &[HostedModule]) {
    let databases = modules.iter().filter_map(|module| module.db.as_ref());
    let loads = join_all(databases.map(Db::server_load)).await;
    let by_server: BTreeMap<_, _> = loads
        .into_iter()
        .flatten()
        .map(|load| (load.address.clone(), load))
        .collect();
    for load in by_server.into_values() {
        eprintln!("process {}: {load}", this_process());
        if load.is_overbooked() {
            tracing::warn!(
                server = load.address,
                left = load.left(),
                "the store leaves too few connections for people: raise max_connections of the server, or lower \
                 postgres.connections of these processes"
            );
        }
    }
}
