//! This program once more, as a server: baselines run in a process of their own, as the store does.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

/// The first argument of a program that is to be a server.
const SERVE: &str = "serve";

/// A server on loopback, ended when it is dropped.
pub(crate) struct Peer {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Peer {
    /// Starts this program with `arguments`, which it finds with [`arguments`].
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("a program knows where it is");
        let mut child = Command::new(program)
            .arg(SERVE)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("what runs can be run");
        let mut address = String::new();
        let output = child.stdout.take().expect("its output was piped");
        BufReader::new(output).read_line(&mut address).expect("it prints text");
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "the server {arguments:?} did not start");
        Self { child, address }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What this program is to serve, if it was started as a server. It ends when whoever started it does.
pub(crate) fn arguments() -> Option<Vec<String>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(SERVE) {
        return None;
    }
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    Some(arguments.collect())
}

/// Listens on a free port and says on which.
pub(crate) async fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    println!("{}", listener.local_addr().expect("it is bound"));
    listener
}

/// Serves `routes` until the process is ended.
pub(crate) async fn serve(routes: Router) {
    let listener = listen().await.tap_io(|stream| {
        // As the store does: without it small answers may wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes)
        .await
        .expect("axum serves until it is ended");
}
