//! One process of the binary: started, waited for, stopped or killed by its id.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::binary;
use crate::client::Client;

/// How long to wait for what has to come. Nothing takes a tenth of it; a machine that does other work may stall.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(20);

/// A process that serves.
#[derive(Debug)]
pub struct Process {
    child: Child,
    url: String,
    log: PathBuf,
    /// Kept open, as a terminal would be.
    stdout: BufReader<ChildStdout>,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Finished {
    /// None if a signal ended it.
    pub code: Option<i32>,
    /// Its data.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

impl Finished {
    /// Fails the test unless the command succeeded.
    pub fn expect_success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless the command ended with `code` and one error message that has all the `parts`.
    pub fn expect_error(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        let errors: Vec<_> = self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        let [error] = errors[..] else {
            panic!("one message, not {}:\n{}", errors.len(), self.stderr)
        };
        for part in parts {
            assert!(error.contains(part), "`{part}` is missing in: {error}");
        }
    }
}

/// A port of this machine that is free, for those that have to be known before they are taken.
#[must_use]
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    listener
        .local_addr()
        .expect("a bound listener has an address")
        .to_string()
}

/// Runs a command to its end.
pub async fn run(arguments: &[&str]) -> Finished {
    run_command(command(arguments), arguments).await
}

/// The same, for a command that was made before.
pub(crate) async fn run_command(mut command: Command, arguments: &[&str]) -> Finished {
    let output = command.stdin(Stdio::null()).output();
    let output = timeout(PATIENCE, output).await;
    let output = output.unwrap_or_else(|_| panic!("`offshoot {}` does not end", arguments.join(" ")));
    let output = output.expect("the binary can be started");
    let text = |bytes| String::from_utf8(bytes).expect("the binary writes UTF-8");
    Finished {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A command of the binary, in an environment that sets nothing.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary::path());
    command.args(arguments).env_clear().kill_on_drop(true);
    command
}

impl Process {
    /// Starts `offshoot` with these arguments and waits until it says its address. What it logs goes to `log`.
    pub async fn start(arguments: &[&str], log: PathBuf) -> Self {
        Self::start_with(&[], arguments, log).await
    }

    /// The same, where no file may become larger than so many bytes: to the process, its disk is full then.
    pub async fn start_on_a_small_disk(bytes: u64, arguments: &[&str], log: PathBuf) -> Self {
        let mut shell = Command::new("sh");
        // Without the trap, the kernel would end a process that writes more.
        shell.args(["-c", "trap '' XFSZ; ulimit -f \"$0\" && exec \"$@\""]);
        // Counted in blocks of 512 bytes.
        shell.arg((bytes / 512).to_string()).arg(binary::path()).args(arguments);
        shell.env_clear().kill_on_drop(true);
        Self::of(shell, arguments, log).await
    }

    /// The same with an environment.
    pub async fn start_with(environment: &[(&str, &str)], arguments: &[&str], log: PathBuf) -> Self {
        let mut command = command(arguments);
        command.envs(environment.iter().copied());
        Self::of(command, arguments, log).await
    }

    async fn of(mut command: Command, arguments: &[&str], log: PathBuf) -> Self {
        let errors = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the log can be written");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("the binary can be started");
        let mut stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut line = String::new();
        let read = timeout(PATIENCE, stdout.read_line(&mut line)).await;
        let url = line.trim_end();
        let said = matches!(read, Ok(Ok(_))) && url.starts_with("http");
        assert!(
            said,
            "`offshoot {}` says no address, but `{url}`:\n{}",
            arguments.join(" "),
            text(&log)
        );
        Self {
            child,
            url: url.to_owned(),
            log,
            stdout,
        }
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the next surface that has one of its own: `contracts` or `admin`.
    pub async fn next_surface(&mut self, name: &str) -> String {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.stdout.read_line(&mut line)).await;
        let url = line.trim_end().strip_prefix(name).map(str::trim_start);
        match (read, url) {
            (Ok(Ok(_)), Some(url)) => url.to_owned(),
            _ => panic!(
                "{} says no address of {name}, but `{line}`:\n{}",
                self.url,
                text(&self.log)
            ),
        }
    }

    /// The same without the scheme, as `--listen` takes it.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Waits until the process and all that it needs is ready.
    pub async fn ready(&self) {
        let client = Client::new(&self.url);
        self.eventually("is not ready", async || client.get("/health/ready").await.status == 200)
            .await;
    }

    /// Waits until `holds`. Fails the test with the log if that does not come about.
    pub async fn eventually(&self, otherwise: &str, holds: impl AsyncFn() -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(
                Instant::now() < give_up,
                "{} {otherwise}:\n{}",
                self.url,
                text(&self.log)
            );
            sleep(PAUSE).await;
        }
    }

    /// Waits until it has logged this.
    pub async fn logged(&self, words: &str) {
        self.eventually(&format!("does not log `{words}`"), async || {
            text(&self.log).contains(words)
        })
        .await;
    }

    /// Sends it a signal, by its name without `SIG`.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("nobody else ended it").to_string();
        // The shell has `kill` built in, so nothing has to be installed.
        let kill = Command::new("sh")
            .args(["-c", "kill -\"$0\" \"$1\"", name, &id])
            .status();
        assert!(
            kill.await.expect("there is a shell").success(),
            "no process {id}:\n{}",
            text(&self.log)
        );
    }

    /// Asks the process to stop, and fails the test unless it ends well.
    pub async fn stop(mut self) {
        let id = self.child.id().expect("nobody else ended it");
        self.signal("TERM").await;
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("process {id} does not stop:\n{}", text(&self.log)));
        let status = status.expect("the child can be waited for");
        assert_eq!(
            status.code(),
            Some(0),
            "process {id} ends with {status}:\n{}",
            text(&self.log)
        );
    }

    /// Kills the process, which gets no chance to do anything about it.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("nobody else ended it");
    }
}

fn text(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}
