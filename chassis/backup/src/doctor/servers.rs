//! Connections of the Postgres servers that hold the modules.

use std::collections::BTreeMap;

use offshoot_db::server_load;

use super::{Finding, note, problem};
use crate::ModuleData;

/// A finding for each server: the budgets of all processes, and the connections that are left.
pub(super) async fn examine_servers(hosted: &[ModuleData]) -> Vec<Finding> {
    let mut findings = BTreeMap::new();
    for data in hosted {
        // A module whose database cannot be reached has a finding already.
        let Ok(Some(load)) = server_load(data.schema.module, &data.url).await else {
            continue;
        };
        let finding = if load.left() < 0 {
            let remedy = "raise max_connections, or lower postgres.connections of these processes";
            problem("postgres", format!("{load}: {remedy}"), None)
        } else {
            note("postgres", load.to_string())
        };
        findings.insert(load.address, finding);
    }
    findings.into_values().collect()
}
