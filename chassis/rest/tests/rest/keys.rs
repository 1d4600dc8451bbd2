//! The file that holds the keys of a deployment.

use std::os::unix::fs::PermissionsExt as _;

use offshoot_rest::{ExpectedStore, SecretFileError, ServiceKeys};

use crate::notes::{client_of, cx, failure_of, served_with};

#[test]
fn it_is_made_once_for_its_owner_alone_and_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deeper").join("service.key");
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| ServiceKeys::load_or_create(&path).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let text = std::fs::read_to_string(&path).unwrap();
    let token = made[0].of("notes").token("test");
    assert!(!format!("{:?} {:?}", made[0], made[0].of("notes")).contains(&text[..10]));
    assert!(token.starts_with("Bearer test.") && !token.contains(text.trim()));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "no draft is left behind"
    );
}

#[test]
fn what_others_may_read_or_what_is_no_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.key");
    ServiceKeys::load_or_create(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        ServiceKeys::load_or_create(&path),
        Err(SecretFileError::TooOpen(_))
    ));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = "5".repeat(64);
    for text in [
        String::new(),
        "short".to_owned(),
        line.replace('5', "x"),
        format!("{line}5"),
        format!("{line}\n{line}\n{line}\n"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let loaded = ServiceKeys::load_or_create(&path);
        assert!(matches!(loaded, Err(SecretFileError::Malformed { .. })), "{text}");
    }
}

#[tokio::test]
async fn they_are_changed_without_a_call_that_fails() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.key");
    let keys = |names: &[char]| {
        let lines: Vec<_> = names.iter().map(|name| name.to_string().repeat(64)).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        ServiceKeys::load_or_create(&path).unwrap()
    };
    // Each process goes through these by itself, so at any time two neighbours are in use.
    let steps = [&['a'][..], &['a', 'b'], &['b', 'a'], &['b']];
    for (ours, theirs, goes) in [
        (0, 1, true),
        (1, 0, true),
        (1, 2, true),
        (2, 1, true),
        (2, 3, true),
        (3, 2, true),
        (0, 3, false),
        (3, 0, false),
    ] {
        let server = served_with(keys(steps[ours])).await;
        let client = client_of(
            server.address,
            &keys(steps[theirs]),
            ExpectedStore::exactly(server.store),
        );
        let called = client.count_after(&mut cx(), 0).await;
        if goes {
            assert_eq!(called, Ok(1), "{ours} {theirs}");
        } else {
            assert!(!failure_of(called).may_have_executed(), "{ours} {theirs}");
        }
    }
}
