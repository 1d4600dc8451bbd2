//! Whether a backup is whole, and that one that is not is known as such.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use offshoot_backup::BackupError;
use offshoot_testkit::{Fresh, on_both_engines};

use crate::world::World;

on_both_engines! {
    a_backup_says_where_everybody_stood,
    every_flipped_byte_is_found,
    what_was_broken_off_is_no_backup,
    a_directory_is_used_once,
    a_backup_is_its_owners_alone,
}

async fn a_backup_says_where_everybody_stood(place: Fresh) {
    let world = World::that_heard(place, &[1, 2, 3]).await;
    let manifest = world.create("b").await.unwrap();
    let names: Vec<_> = manifest.modules.iter().map(|module| module.module.as_str()).collect();
    assert_eq!(names, ["ledger", "depot"]);
    let [ledger, depot] = [0, 1].map(|number| &manifest.modules[number].positions);
    let log = depot.log.as_ref().unwrap();
    assert_eq!((log.last, log.unnumbered), (3, 0));
    let standing: Vec<_> = ledger.cursors.iter().filter(|cursor| cursor.position == 3).collect();
    assert!(
        standing.iter().any(|cursor| cursor.log_id == Some(log.log_id)),
        "{ledger:?}"
    );
    let heard = manifest.modules[0]
        .tables
        .iter()
        .find(|table| table.name == "heard")
        .unwrap();
    assert_eq!(heard.rows, 3);
    assert!(ledger.migrations.iter().any(|entry| entry.name == "0001_heard"));
    for module in world.verify("b").await.unwrap() {
        assert_eq!(module.problems, [""; 0]);
    }
}

async fn every_flipped_byte_is_found(place: Fresh) {
    let world = World::that_heard(place, &[1]).await;
    world.create("b").await.unwrap();
    for file in files(&world.backup("b")) {
        let before = fs::read(&file).unwrap();
        let mut damaged = before.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(&file, &damaged).unwrap();
        // Of the sums only that of the manifest is read; the manifest has the others.
        let is_sums = file.ends_with("SHA256SUMS");
        let is_found = match world.verify("b").await {
            Err(BackupError::Damaged { .. }) => true,
            Err(error) => panic!("{}: {error}", file.display()),
            Ok(found) => found.iter().any(|module| !module.problems.is_empty()),
        };
        assert!(is_found || is_sums, "{}", file.display());
        fs::write(&file, &before).unwrap();
        fs::rename(&file, file.with_extension("gone")).unwrap();
        match world.verify("b").await {
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
        world
            .verify("b")
            .await
            .unwrap()
            .iter()
            .all(|module| module.problems.is_empty())
    );
}

async fn what_was_broken_off_is_no_backup(place: Fresh) {
    let world = World::that_heard(place, &[1]).await;
    world.create("b").await.unwrap();
    fs::remove_file(world.backup("b").join("manifest.json")).unwrap();
    let refused = world.verify("b").await.unwrap_err();
    assert!(matches!(refused, BackupError::NoManifest { .. }), "{refused}");
}

async fn a_directory_is_used_once(place: Fresh) {
    let world = World::that_heard(place, &[1]).await;
    world.create("b").await.unwrap();
    let refused = world.create("b").await.unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty { .. }), "{refused}");
    assert!(
        world
            .verify("b")
            .await
            .unwrap()
            .iter()
            .all(|module| module.problems.is_empty())
    );
    fs::create_dir(world.backup("empty")).unwrap();
    world.create("empty").await.unwrap();
}

async fn a_backup_is_its_owners_alone(place: Fresh) {
    let world = World::that_heard(place, &[1]).await;
    world.create("b").await.unwrap();
    for file in files(&world.backup("b")) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(
        fs::metadata(world.backup("b")).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
