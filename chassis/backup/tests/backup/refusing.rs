//! What is refused, and leaves everything as it was.

use std::fs;

use offshoot_backup::{BackupError, RestoreOptions};
use offshoot_testkit::{Fresh, on_both_engines};

use crate::world::World;

on_both_engines! {
    data_that_is_there_is_not_replaced_unasked,
    data_that_is_worked_on_is_not_replaced,
    a_dry_run_changes_nothing,
    a_migration_that_is_not_known_is_refused,
    another_engine_is_refused,
    a_restore_that_fails_leaves_what_was_there,
    a_module_that_is_not_in_the_backup_is_named,
}

fn replacing() -> RestoreOptions {
    RestoreOptions {
        replace: true,
        ..RestoreOptions::default()
    }
}

/// A backup of one count, and one more that came later.
async fn world(place: Fresh) -> World {
    let world = World::that_heard(place, &[1]).await;
    world.create("b").await.unwrap();
    world.announce(&[2]).await;
    world.hears(2).await;
    world
}

async fn data_that_is_there_is_not_replaced_unasked(place: Fresh) {
    let world = world(place).await;
    let refused = world.restore("b", &RestoreOptions::default()).await.unwrap_err();
    assert!(
        matches!(&refused, BackupError::HasData { module, .. } if module == "ledger"),
        "{refused}"
    );
    assert_eq!(world.heard().await, [1, 2]);
}

async fn data_that_is_worked_on_is_not_replaced(place: Fresh) {
    let world = world(place).await;
    let open = world.depot().await;
    let refused = world.restore("b", &replacing()).await.unwrap_err();
    assert!(
        matches!(&refused, BackupError::InUse { module, .. } if module == "depot"),
        "{refused}"
    );
    open.close().await;
    assert_eq!(world.heard().await, [1, 2]);
}

async fn a_dry_run_changes_nothing(place: Fresh) {
    let world = world(place).await;
    let options = RestoreOptions {
        dry_run: true,
        ..replacing()
    };
    let report = world.restore("b", &options).await.unwrap();
    assert!(report.dry_run && report.modules.iter().all(|module| module.replaced.is_none()));
    assert_eq!(world.heard().await, [1, 2]);
    world.announce(&[3]).await;
    assert_eq!(world.hears(3).await, [1, 2, 3]);
}

async fn a_migration_that_is_not_known_is_refused(place: Fresh) {
    let world = world(place).await;
    world.tamper("b", |manifest| {
        manifest["modules"][0]["positions"]["migrations"][0]["version"] = 900.into();
    });
    let refused = world.restore("b", &replacing()).await.unwrap_err().to_string();
    assert!(refused.contains("which this binary does not know"), "{refused}");
    assert_eq!(world.heard().await, [1, 2]);
}

async fn another_engine_is_refused(place: Fresh) {
    let world = world(place).await;
    world.tamper("b", |manifest| manifest["modules"][1]["engine"] = "Oracle".into());
    let refused = world.restore("b", &replacing()).await.unwrap_err().to_string();
    assert!(refused.contains("comes from Oracle and its data lives on"), "{refused}");
}

/// On Postgres it fails after the schema was renamed, which is undone.
async fn a_restore_that_fails_leaves_what_was_there(place: Fresh) {
    let world = world(place).await;
    world.tamper("b", |manifest| {
        let ghost = serde_json::json!({ "name": "ghost", "rows": 0, "columns": [], "file": null });
        manifest["modules"][0]["tables"].as_array_mut().unwrap().push(ghost);
    });
    world.restore("b", &replacing()).await.unwrap_err();
    assert_eq!(world.heard().await, [1, 2]);
    world.announce(&[3]).await;
    assert_eq!(world.hears(3).await, [1, 2, 3]);
}

async fn a_module_that_is_not_in_the_backup_is_named(place: Fresh) {
    let world = world(place).await;
    let options = RestoreOptions {
        modules: vec!["attic".to_owned()],
        ..replacing()
    };
    let refused = world.restore("b", &options).await.unwrap_err().to_string();
    assert_eq!(refused, "the backup has nothing of attic: it has ledger, depot");
    fs::remove_file(world.backup("b").join("manifest.json")).unwrap();
    let refused = world.restore("b", &replacing()).await.unwrap_err();
    assert!(matches!(refused, BackupError::NoManifest { .. }), "{refused}");
}
