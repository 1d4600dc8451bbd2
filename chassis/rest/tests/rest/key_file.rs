//! The file that holds the key of a deployment.

use std::os::unix::fs::PermissionsExt as _;

use offshoot_rest::{SecretFileError, ServiceKey};

#[test]
fn it_is_made_once_for_its_owner_alone_and_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deeper").join("service.key");
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| ServiceKey::load_or_create(&path).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let token = |key: &ServiceKey| key.token_for("notes").text().to_owned();
    assert!(made.iter().all(|key| token(key) == token(&made[0])));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "no draft is left behind"
    );
    assert!(!format!("{:?} {:?}", made[0], made[0].token_for("notes")).contains(&token(&made[0])[7..]));
}

#[test]
fn what_others_may_read_or_what_is_no_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.key");
    ServiceKey::load_or_create(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        ServiceKey::load_or_create(&path),
        Err(SecretFileError::TooOpen(_))
    ));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "short").unwrap();
    assert!(matches!(
        ServiceKey::load_or_create(&path),
        Err(SecretFileError::Malformed { .. })
    ));
}
