//! Invalid requests, which no contract client sends, are refused without effect.

use std::sync::atomic::Ordering;

use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::FailureKind;
use serde_json::Value;

use crate::notes::{NotesServer, cx, expect_failure, note_with_text, serve_notes};

async fn send(server: &NotesServer, verb: &str, path: &str, body: &str) -> (u16, Value) {
    let headers = [("traceparent", "garbage"), ("offshoot-deadline-ms", "soon")];
    send_with(server, verb, path, body, &headers).await
}

async fn send_with(server: &NotesServer, verb: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let (head, body) = exchange(server, verb, path, body, headers).await;
    (head.status.as_u16(), body)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the contract client cannot send invalid requests"
)]
async fn exchange(
    server: &NotesServer,
    verb: &str,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> (http::response::Parts, Value) {
    let request = http::Request::builder()
        .method(verb)
        .uri(format!("http://{}/modules/notes{path}", server.address))
        .header("authorization", server.keys.for_module("notes").issue_token("test"));
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Full::new(bytes::Bytes::from(body.to_owned()))).unwrap();
    let response = Client::builder(TokioExecutor::new())
        .build_http()
        .request(request)
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_malformed_request_is_refused_with_the_field_and_not_executed() {
    let server = serve_notes().await;
    for (verb, path, body, field) in [
        (
            "PUT",
            "/v1/notes/n",
            r#"{"note":{"text":"t","tags":[]},"extra":1}"#,
            "extra",
        ),
        (
            "PUT",
            "/v1/notes/n",
            r#"{"note":{"text":"t","tags":[],"colour":"red"}}"#,
            "note.colour",
        ),
        ("PUT", "/v1/notes/n", r#"{"note":{"text":5,"tags":[]}}"#, "note.text"),
        (
            "PUT",
            "/v1/notes/n",
            r#"{"note":{"text":"t","tags":[]}} {}"#,
            "trailing",
        ),
        ("PUT", "/v1/notes/n", "{", "EOF"),
        ("PUT", "/v1/notes/n", r#"[{"text":"t","tags":[]}]"#, "sequence"),
        (
            "PUT",
            "/v1/notes/n",
            r#"{"note":["t",[]]}"#,
            "note: invalid type: sequence",
        ),
        (
            "PUT",
            "/v1/notes/n",
            r#"{"note":{"text":"t","tags":[["a"]]}}"#,
            "note.tags[0]",
        ),
        ("GET", "/v1/notes?longer_than=many", "", "longer_than"),
        ("GET", "/v1/notes?longer_than=1&colour=red", "", "colour"),
        ("GET", "/v1/notes?longer_than=1&longer_than=2", "", "longer_than"),
        ("GET", "/v1/notes", "", "longer_than"),
    ] {
        let (status, problem) = send(&server, verb, path, body).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (400, Some("bad-request")),
            "{verb} {path} {body}: {problem}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(field),
            "{verb} {path} {body}: {problem}"
        );
        assert_eq!(problem["may_have_executed"], false);
        assert_eq!(problem["trace_id"].as_str().unwrap().len(), 32);
    }
    assert!(server.notes.notes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_path_without_method_is_the_wrong_contract() {
    let server = serve_notes().await;
    for (verb, path) in [("GET", "/v1/nowhere"), ("GET", "/v2/notes/n"), ("GET", "/")] {
        let (status, problem) = send(&server, verb, path, "").await;
        assert!((400..600).contains(&status), "{verb} {path}: {status}");
        if verb == "GET" && path != "/" {
            assert_eq!(problem["code"], "wrong-contract", "{path}: {problem}");
        }
    }
}

#[tokio::test]
async fn a_verb_that_a_path_does_not_support_is_a_problem_with_identity_and_allow() {
    let server = serve_notes().await;
    for (verb, path, allow) in [
        ("POST", "/v1/notes/n", "GET,HEAD,PUT"),
        ("GET", "/v1/counts", "POST"),
        ("PUT", "/contract", "GET,HEAD"),
    ] {
        let (head, problem) = exchange(&server, verb, path, "", &[]).await;
        assert_eq!(head.status, 405, "{verb} {path}: {problem}");
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&405.into(), &"wrong-contract".into())
        );
        assert_eq!(problem["may_have_executed"], false);
        assert_eq!(head.headers["allow"], allow);
        assert_eq!(head.headers["content-type"], "application/problem+json");
        let identity = head.headers["offshoot-contract"].to_str().unwrap();
        assert!(identity.contains(&server.store_id.to_string()), "{identity}");
    }
}

#[tokio::test]
async fn an_unreadable_or_repeated_header_is_refused_and_not_executed() {
    let server = serve_notes().await;
    let two = |name| vec![(name, "1"), (name, "2")];
    for (headers, code) in [
        (vec![("idempotency-key", "ü")], "bad-idempotency-key"),
        (vec![("idempotency-key", "%ff")], "bad-idempotency-key"),
        (two("idempotency-key"), "bad-idempotency-key"),
        (vec![("offshoot-principal", "ü")], "bad-request"),
        (vec![("offshoot-tenant", "%ff")], "bad-request"),
        (two("offshoot-principal"), "bad-request"),
        (two("offshoot-tenant"), "bad-request"),
        (two("offshoot-deadline-ms"), "bad-request"),
        (two("offshoot-repeats-left"), "bad-request"),
        (two("offshoot-mirrored"), "bad-request"),
        (two("offshoot-contract"), "bad-request"),
        (two("traceparent"), "bad-request"),
    ] {
        let (status, problem) = send_with(&server, "POST", "/v1/counts", r#"{"ms":0}"#, &headers).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (400, Some(code)),
            "{headers:?}: {problem}"
        );
        assert_eq!(problem["may_have_executed"], false);
        assert!(problem["detail"].as_str().unwrap().contains(headers[0].0), "{problem}");
    }
    let (status, problem) = send_with(&server, "POST", "/v1/counts", r#"{"ms":0}"#, &two("authorization")).await;
    assert_eq!((status, problem["code"].as_str()), (401, Some("unauthenticated")));
    assert_eq!(server.notes.counted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn too_large_arguments_are_refused_by_client_and_server() {
    let server = serve_notes().await;
    let large = note_with_text(&"x".repeat(2_000));
    let failure = expect_failure(server.client().write(&mut cx(), "n".to_owned(), large).await);
    assert!(
        matches!(failure.kind(), FailureKind::Refused { status: 413, .. }),
        "{failure:?}"
    );
    let body = format!(r#"{{"note":{{"text":"{}","tags":[]}}}}"#, "x".repeat(2_000));
    let (status, problem) = send(&server, "PUT", "/v1/notes/n", &body).await;
    assert_eq!((status, problem["code"].as_str()), (413, Some("too-large")));
    assert!(server.notes.notes.lock().unwrap().is_empty());
}
