//! A process of `offshoot serve` and its readiness.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::store::{Binary, Store};

/// Timeout of a start, including the sample import.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause between two readiness polls; limits the precision of measured start times.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A process of `offshoot serve`, killed on drop.
pub(crate) struct StoreProcess {
    pub(crate) child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl StoreProcess {
    /// Starts the store on a free port and waits for the printed address. `sample` (`yes` or `no`) decides whether an
    /// empty catalog is filled.
    #[allow(dead_code, reason = "unused by the benchmark of connections")]
    pub(crate) fn start(binary: &Binary, store: &Store, sample: &str) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--sample", sample];
        Self::spawn(&mut binary.command(store, &arguments))
    }

    /// Starts a prepared `serve` command and waits for the printed address.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        // The benchmarks read reports as shoppers.
        command.env("OFFSHOOT__PUBLIC__OPEN_REPORTS", "true");
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("stdout was piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the process prints an address");
        let address = line
            .trim()
            .strip_prefix("http://")
            .expect("the first line is a URL")
            .to_owned();
        Self { child, address }
    }

    /// Waits for the first 200 of `/health/ready`.
    pub(crate) fn wait_until_ready(&self) {
        let start = Instant::now();
        while !self.is_ready() {
            assert!(
                start.elapsed() < START_TIMEOUT,
                "{} is not ready after {START_TIMEOUT:?}",
                self.address
            );
            sleep(POLL_INTERVAL);
        }
    }

    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(&self.address) else {
            return false;
        };
        let request = format!(
            "GET /health/ready HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        );
        let mut response = String::new();
        let result = stream
            .write_all(request.as_bytes())
            .and_then(|()| stream.read_to_string(&mut response));
        result.is_ok() && response.starts_with("HTTP/1.1 200 ")
    }
}

impl Drop for StoreProcess {
    fn drop(&mut self) {
        // Errors are ignored: the process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
