//! The store that a command works on. Commands that do not create a store refuse a directory or a database without one.

use anyhow::{Result, ensure};
use offshoot_db::{DbOptions, MigrationState, migration_status};

use super::backup::places;
use crate::config::Settings;

/// Names the store on stderr. Fails if no module has data where the settings say: a wrong directory must not look like
/// an empty store. Creates nothing.
pub(super) async fn require(settings: &Settings) -> Result<()> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for data in places(settings, None)? {
        let location = data.url.to_string();
        // One module with data is enough: usually all modules share the location.
        if found.contains(&location) {
            continue;
        }
        // The command itself reports a database that cannot be read, each in its own way.
        let Ok(migrations) = migration_status(data.schema, &data.url, &DbOptions::default()).await else {
            return Ok(());
        };
        let has_data = migrations.iter().any(|known| known.state != MigrationState::Missing);
        let list = if has_data { &mut found } else { &mut missing };
        if !list.contains(&location) {
            list.push(location);
        }
    }
    // Without locations, every module runs in other processes.
    ensure!(
        !found.is_empty() || missing.is_empty(),
        "there is no store in {}: name another directory with --data-dir or another database with --database, or create \
         a store with `offshoot serve`",
        missing.join(", ")
    );
    if !found.is_empty() {
        eprintln!("store in {}", found.join(", "));
    }
    Ok(())
}
