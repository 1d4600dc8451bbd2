//! Integrity of backups: complete backups verify, damaged and incomplete ones are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use offshoot_backup::BackupError;
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::fixture::Fixture;

on_both_engines! {
    the_manifest_records_the_positions_of_every_module,
    a_flipped_byte_in_any_file_is_found,
    a_directory_without_a_manifest_is_refused,
    a_backup_directory_is_used_once,
    backup_files_are_readable_by_their_owner_only,
}

async fn the_manifest_records_the_positions_of_every_module(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2, 3]).await;
    let manifest = fixture.create("b").await.unwrap();
    let names: Vec<_> = manifest.modules.iter().map(|module| module.module.as_str()).collect();
    assert_eq!(names, ["subscriber", "publisher"]);
    let [subscriber, publisher] = [0, 1].map(|number| &manifest.modules[number].positions);
    let log = publisher.log.as_ref().unwrap();
    assert_eq!((log.last, log.unnumbered), (3, 0));
    let current: Vec<_> = subscriber
        .cursors
        .iter()
        .filter(|cursor| cursor.position == 3)
        .collect();
    assert!(
        current.iter().any(|cursor| cursor.log_id == Some(log.log_id)),
        "{subscriber:?}"
    );
    let recorded = manifest.modules[0]
        .tables
        .iter()
        .find(|table| table.name == "recorded")
        .unwrap();
    assert_eq!(recorded.rows, 3);
    assert!(subscriber.migrations.iter().any(|entry| entry.name == "0001_recorded"));
    for module in fixture.verify("b").await.unwrap() {
        assert_eq!(module.problems, [""; 0]);
    }
}

async fn a_flipped_byte_in_any_file_is_found(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture.create("b").await.unwrap();
    for file in files(&fixture.backup("b")) {
        let before = fs::read(&file).unwrap();
        let mut damaged = before.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(&file, &damaged).unwrap();
        // Of SHA256SUMS only the line of the manifest is read: the manifest has the other checksums.
        let is_checksums_file = file.ends_with("SHA256SUMS");
        let is_found = match fixture.verify("b").await {
            Err(BackupError::Damaged { .. }) => true,
            Err(error) => panic!("{}: {error}", file.display()),
            Ok(found) => found.iter().any(|module| !module.problems.is_empty()),
        };
        assert!(is_found || is_checksums_file, "{}", file.display());
        fs::write(&file, &before).unwrap();
        fs::rename(&file, file.with_extension("gone")).unwrap();
        match fixture.verify("b").await {
            Err(_) => {}
            Ok(found) => assert!(
                found.iter().any(|module| !module.problems.is_empty()),
                "{}",
                file.display()
            ),
        }
        fs::rename(file.with_extension("gone"), &file).unwrap();
    }
    assert!(
        fixture
            .verify("b")
            .await
            .unwrap()
            .iter()
            .all(|module| module.problems.is_empty())
    );
}

async fn a_directory_without_a_manifest_is_refused(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture.create("b").await.unwrap();
    fs::remove_file(fixture.backup("b").join("manifest.json")).unwrap();
    let refused = fixture.verify("b").await.unwrap_err();
    assert!(matches!(refused, BackupError::NoManifest { .. }), "{refused}");
}

async fn a_backup_directory_is_used_once(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture.create("b").await.unwrap();
    let refused = fixture.create("b").await.unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty { .. }), "{refused}");
    assert!(
        fixture
            .verify("b")
            .await
            .unwrap()
            .iter()
            .all(|module| module.problems.is_empty())
    );
    fs::create_dir(fixture.backup("empty")).unwrap();
    fixture.create("empty").await.unwrap();
}

async fn backup_files_are_readable_by_their_owner_only(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture.create("b").await.unwrap();
    for file in files(&fixture.backup("b")) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(
        fs::metadata(fixture.backup("b")).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
