//! The end of a socket: requests in execution end, and nothing else delays the process.

use offshoot_listener::ListenerLimits;

use crate::client::Server;

#[tokio::test]
async fn requests_in_execution_end_and_close_their_connections() {
    let server = Server::start(ListenerLimits::default()).await;
    let mut held = server.hold().await;
    server.stopping.close();
    server.release();
    let response = held.read_response().await;
    assert!(response.ends_with("held"), "{response}");
    assert!(response.contains("connection: close\r\n"), "{response}");
    server.ended().await;
}

#[tokio::test]
async fn unfinished_requests_and_idle_connections_do_not_delay_the_end() {
    let server = Server::start(ListenerLimits::default()).await;
    let mut clients = Vec::new();
    for begin in [
        "",
        "GET /quick HTTP/1.1\r\n",
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc",
    ] {
        let mut client = server.connect().await;
        client.send(begin).await;
        clients.push(client);
    }
    let mut idle = server.connect().await;
    assert!(idle.get("/quick").await.ends_with("quick"));
    server.stopping.close();
    server.ended().await;
    for client in &mut clients {
        assert_eq!(client.until_closed().await, 0);
    }
}

#[tokio::test]
async fn a_draining_socket_answers_and_closes_each_connection() {
    let server = Server::start(ListenerLimits::default()).await;
    let mut before = server.connect().await;
    assert!(!before.get("/quick").await.contains("connection: close"));
    server.stopping.drain();
    let response = before.get("/quick").await;
    assert!(
        response.ends_with("quick") && response.contains("connection: close\r\n"),
        "{response}"
    );
    before.until_closed().await;
    let response = server.connect().await.get("/quick").await;
    assert!(
        response.ends_with("quick") && response.contains("connection: close\r\n"),
        "{response}"
    );
}
