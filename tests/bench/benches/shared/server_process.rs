//! Runs the benchmark binary a second time as a server, so that baselines run in a process of their own, as the store
//! does.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

/// The first argument of a server process.
const SERVE: &str = "serve";

/// A server on loopback, killed on drop.
pub(crate) struct ServerProcess {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl ServerProcess {
    /// Starts this binary as a server. The server reads `arguments` with [`arguments`].
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("the benchmark has an executable path");
        let mut child = Command::new(program)
            .arg(SERVE)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the benchmark binary starts");
        let mut address = String::new();
        let output = child.stdout.take().expect("stdout was piped");
        BufReader::new(output)
            .read_line(&mut address)
            .expect("the server prints an address");
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "the server {arguments:?} did not start");
        Self { child, address }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Errors are ignored: the server may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The arguments of a server process; `None` in the benchmark process. A server process exits when the benchmark
/// process exits.
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

/// Listens on a free port and prints the address.
pub(crate) async fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    println!("{}", listener.local_addr().expect("a bound listener has an address"));
    listener
}

/// Serves `routes` until the process exits.
pub(crate) async fn serve(routes: Router) {
    let listener = listen().await.tap_io(|stream| {
        // As in the store: without nodelay, small responses may wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes)
        .await
        .expect("axum serves until the process exits");
}
