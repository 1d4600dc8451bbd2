//! Refused and failed restores leave the existing data unchanged.

use std::fs;

use offshoot_backup::{BackupError, RestoreOptions};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::fixture::Fixture;

on_both_engines! {
    existing_data_is_kept_without_the_replace_option,
    data_in_use_is_not_replaced,
    a_dry_run_changes_nothing,
    an_unknown_migration_is_refused,
    a_backup_of_another_engine_is_refused,
    a_failed_restore_keeps_the_existing_data,
    an_error_names_a_module_missing_from_the_backup,
}

fn replacing() -> RestoreOptions {
    RestoreOptions {
        replace: true,
        ..RestoreOptions::default()
    }
}

/// A fixture with one event in the backup and one later event.
async fn fixture_with_later_event(database: ScratchDatabase) -> Fixture {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture.create("b").await.unwrap();
    fixture.publish_counts(&[2]).await;
    fixture.process_until(2).await;
    fixture
}

async fn existing_data_is_kept_without_the_replace_option(database: ScratchDatabase) {
    let fixture = fixture_with_later_event(database).await;
    let refused = fixture.restore("b", &RestoreOptions::default()).await.unwrap_err();
    assert!(
        matches!(&refused, BackupError::TargetNotEmpty { module, .. } if module == "subscriber"),
        "{refused}"
    );
    assert_eq!(fixture.recorded().await, [1, 2]);
}

async fn data_in_use_is_not_replaced(database: ScratchDatabase) {
    let fixture = fixture_with_later_event(database).await;
    let open = fixture.open_publisher().await;
    let refused = fixture.restore("b", &replacing()).await.unwrap_err();
    assert!(
        matches!(&refused, BackupError::InUse { module, .. } if module == "publisher"),
        "{refused}"
    );
    open.close().await;
    assert_eq!(fixture.recorded().await, [1, 2]);
}

async fn a_dry_run_changes_nothing(database: ScratchDatabase) {
    let fixture = fixture_with_later_event(database).await;
    let options = RestoreOptions {
        dry_run: true,
        ..replacing()
    };
    let report = fixture.restore("b", &options).await.unwrap();
    assert!(report.dry_run && report.modules.iter().all(|module| module.replaced.is_none()));
    assert_eq!(fixture.recorded().await, [1, 2]);
    fixture.publish_counts(&[3]).await;
    assert_eq!(fixture.process_until(3).await, [1, 2, 3]);
}

async fn an_unknown_migration_is_refused(database: ScratchDatabase) {
    let fixture = fixture_with_later_event(database).await;
    fixture.tamper_with_manifest("b", |manifest| {
        manifest["modules"][0]["positions"]["migrations"][0]["version"] = 900.into();
    });
    let refused = fixture.restore("b", &replacing()).await.unwrap_err().to_string();
    assert!(refused.contains("which this binary does not know"), "{refused}");
    assert_eq!(fixture.recorded().await, [1, 2]);
}

async fn a_backup_of_another_engine_is_refused(database: ScratchDatabase) {
    let fixture = fixture_with_later_event(database).await;
    fixture.tamper_with_manifest("b", |manifest| manifest["modules"][1]["engine"] = "Oracle".into());
    let refused = fixture.restore("b", &replacing()).await.unwrap_err().to_string();
    assert!(
        refused.contains("was taken on Oracle, but its data lives on"),
        "{refused}"
    );
}

/// On Postgres the restore fails after the schema was renamed, and renames the schema back.
async fn a_failed_restore_keeps_the_existing_data(database: ScratchDatabase) {
    let fixture = fixture_with_later_event(database).await;
    fixture.tamper_with_manifest("b", |manifest| {
        let ghost = serde_json::json!({ "name": "ghost", "rows": 0, "columns": [], "file": null });
        manifest["modules"][0]["tables"].as_array_mut().unwrap().push(ghost);
    });
    fixture.restore("b", &replacing()).await.unwrap_err();
    assert_eq!(fixture.recorded().await, [1, 2]);
    fixture.publish_counts(&[3]).await;
    assert_eq!(fixture.process_until(3).await, [1, 2, 3]);
}

async fn an_error_names_a_module_missing_from_the_backup(database: ScratchDatabase) {
    let fixture = fixture_with_later_event(database).await;
    let options = RestoreOptions {
        modules: vec!["attic".to_owned()],
        ..replacing()
    };
    let refused = fixture.restore("b", &options).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "the backup does not contain attic: it contains subscriber, publisher"
    );
    fs::remove_file(fixture.backup("b").join("manifest.json")).unwrap();
    let refused = fixture.restore("b", &replacing()).await.unwrap_err();
    assert!(matches!(refused, BackupError::NoManifest { .. }), "{refused}");
}
