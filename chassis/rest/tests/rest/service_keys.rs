//! The file with a deployment's service keys: creation, validation and key rotation.

use std::os::unix::fs::PermissionsExt as _;

use offshoot_rest::{ExpectedStore, SecretFileError, ServiceKeys};

use crate::notes::{connect, cx, expect_failure, serve_notes_with_keys};

#[test]
fn concurrent_processes_create_one_private_file_and_read_the_same_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deeper").join("service.key");
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| ServiceKeys::load_or_create(&path).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let text = std::fs::read_to_string(&path).unwrap();
    let token = made[0].for_module("notes").issue_token("test");
    assert!(!format!("{:?} {:?}", made[0], made[0].for_module("notes")).contains(&text[..10]));
    assert!(token.starts_with("Bearer test.") && !token.contains(text.trim()));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "a draft was left behind"
    );
}

#[test]
fn a_file_that_others_may_read_or_with_a_malformed_key_is_refused() {
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
async fn a_key_rotation_fails_no_call() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.key");
    let keys = |names: &[char]| {
        let lines: Vec<_> = names.iter().map(|name| name.to_string().repeat(64)).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        ServiceKeys::load_or_create(&path).unwrap()
    };
    // Each process takes these steps on its own, so two processes may differ by one step at any time.
    let steps = [&['a'][..], &['a', 'b'], &['b', 'a'], &['b']];
    for (server_step, client_step, succeeds) in [
        (0, 1, true),
        (1, 0, true),
        (1, 2, true),
        (2, 1, true),
        (2, 3, true),
        (3, 2, true),
        (0, 3, false),
        (3, 0, false),
    ] {
        let server = serve_notes_with_keys(keys(steps[server_step])).await;
        let client = connect(
            server.address,
            &keys(steps[client_step]),
            ExpectedStore::exactly(server.store_id),
        );
        let called = client.count_after(&mut cx(), 0).await;
        if succeeds {
            assert_eq!(called, Ok(1), "{server_step} {client_step}");
        } else {
            assert!(
                !expect_failure(called).may_have_executed(),
                "{server_step} {client_step}"
            );
        }
    }
}
