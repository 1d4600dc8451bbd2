//! A store that serves, and whether it is ready.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::store::{Binary, Store};

/// How long a start may take, the loading of the sample included.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two questions whether it is ready: what a start is measured to.
const PAUSE: Duration = Duration::from_millis(1);

/// A process of `offshoot serve`, ended when it is dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Serving {
    /// Starts it on a free port and waits until it says which. `sample`: whether to fill an empty catalog.
    pub(crate) fn start(binary: &Binary, store: &Store, sample: &str) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--sample", sample];
        Self::of(&mut binary.command(store, &arguments))
    }

    /// The same for a command that serves.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary can be run");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output was piped");
        BufReader::new(output).read_line(&mut line).expect("it prints text");
        let address = line
            .trim()
            .strip_prefix("http://")
            .expect("its first line is its address")
            .to_owned();
        Self { child, address }
    }

    /// Waits for the first 200 of `/health/ready`.
    pub(crate) fn wait_until_ready(&self) {
        let start = Instant::now();
        while !self.is_ready() {
            assert!(
                start.elapsed() < PATIENCE,
                "{} is not ready after {PATIENCE:?}",
                self.address
            );
            sleep(PAUSE);
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
        let mut answer = String::new();
        let asked = stream
            .write_all(request.as_bytes())
            .and_then(|()| stream.read_to_string(&mut answer));
        asked.is_ok() && answer.starts_with("HTTP/1.1 200 ")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
