//! One process of the `offshoot` binary: start, wait, signal, stop, kill.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::binary;
use crate::client::Client;

/// Timeout of every wait. No step takes a tenth of this time; a busy machine may stall.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Pause between two polls of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running `offshoot serve`, or another server.
#[derive(Debug)]
pub struct Process {
    child: Child,
    url: String,
    log: PathBuf,
    /// Kept open, as a terminal would keep stdout open.
    stdout: BufReader<ChildStdout>,
}

/// Exit code and output of a finished command.
#[derive(Debug)]
pub struct CommandOutput {
    /// `None` for a command ended by a signal.
    pub code: Option<i32>,
    /// Standard output: data.
    pub stdout: String,
    /// Standard error: everything else.
    pub stderr: String,
}

impl CommandOutput {
    /// Panics unless the command exited with 0.
    pub fn expect_success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    /// Panics unless the command exited with `code` and printed exactly one `error: ` line that contains all `parts`.
    pub fn expect_error(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        let errors: Vec<_> = self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        let [error] = errors[..] else {
            panic!("expected one error line, found {}:\n{}", errors.len(), self.stderr)
        };
        for part in parts {
            assert!(error.contains(part), "`{part}` is missing in: {error}");
        }
    }
}

/// A free address on loopback, for processes that must know an address before another process listens there.
#[must_use]
pub fn free_address() -> String {
    offshoot_testkit::free_address().to_string()
}

/// Sends a signal, named without `SIG`, to a process that was not reaped before.
pub async fn send_signal(process: u32, name: &str) {
    // `kill` is a shell builtin, so no package is needed.
    let kill = Command::new("sh")
        .args(["-c", "kill -\"$0\" \"$1\"", name, &process.to_string()])
        .status();
    assert!(
        kill.await.expect("the shell starts").success(),
        "process {process} cannot be signalled"
    );
}

/// Runs a command without data until the command exits.
pub async fn run_offshoot(arguments: &[&str]) -> CommandOutput {
    wait_for_command(command(arguments), arguments).await
}

/// Like [`run_offshoot`], for a command that takes longer than others: at most `limit`.
pub async fn run_offshoot_within(limit: Duration, arguments: &[&str]) -> CommandOutput {
    wait_within(limit, command(arguments), arguments).await
}

/// Waits for a prepared command. Panics after the timeout.
pub(crate) async fn wait_for_command(command: Command, arguments: &[&str]) -> CommandOutput {
    wait_within(TIMEOUT, command, arguments).await
}

async fn wait_within(limit: Duration, mut command: Command, arguments: &[&str]) -> CommandOutput {
    let output = command.stdin(Stdio::null()).output();
    let output = timeout(limit, output).await;
    let output = output.unwrap_or_else(|_| panic!("`offshoot {}` does not exit", arguments.join(" ")));
    let output = output.expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("the binary writes UTF-8");
    CommandOutput {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Prepares a command in an empty environment.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary::path());
    command.args(arguments);
    prepare(&mut command);
    command
}

fn prepare(command: &mut Command) {
    command.env_clear().kill_on_drop(true);
    // Tests wait for all modules of a store, wherever they run.
    command.env("OFFSHOOT__HEALTH__NEEDS", "*");
}

impl Process {
    /// Starts `offshoot` with these arguments and waits for the printed address. Appends stderr to `log`.
    pub async fn start(arguments: &[&str], log: PathBuf) -> Self {
        Self::start_with(&[], arguments, log).await
    }

    /// Like [`start`](Self::start), but no file may grow beyond `bytes`: the process sees a full disk.
    pub async fn start_with_file_limit(bytes: u64, arguments: &[&str], log: PathBuf) -> Self {
        // Without the trap, SIGXFSZ would end a process that exceeds the limit. `ulimit -f` counts blocks of 512 bytes.
        let limit = format!("trap '' XFSZ; ulimit -f {}", bytes / 512);
        Self::start_under(&limit, &[], arguments, log).await
    }

    /// Like [`start_with`](Self::start_with), after the shell has set `limits`, such as `ulimit -n 100`.
    pub async fn start_under(limits: &str, environment: &[(&str, &str)], arguments: &[&str], log: PathBuf) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")]);
        shell.arg(binary::path()).args(arguments);
        prepare(&mut shell);
        shell.envs(environment.iter().copied());
        Self::spawn_and_read_address(shell, arguments, log).await
    }

    /// Like [`start`](Self::start), with environment variables.
    pub async fn start_with(environment: &[(&str, &str)], arguments: &[&str], log: PathBuf) -> Self {
        let mut command = command(arguments);
        command.envs(environment.iter().copied());
        Self::spawn_and_read_address(command, arguments, log).await
    }

    /// Starts another program that prints an address first, such as a server in another language.
    pub async fn start_program(program: &str, arguments: &[&str], log: PathBuf) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        Self::spawn_and_read_address(command, arguments, log).await
    }

    async fn spawn_and_read_address(mut command: Command, arguments: &[&str], log: PathBuf) -> Self {
        let errors = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the log file opens");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("the program is installed, and starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout was piped"));
        let mut line = String::new();
        let read = timeout(TIMEOUT, stdout.read_line(&mut line)).await;
        let url = line.trim_end();
        let has_address = matches!(read, Ok(Ok(_))) && url.starts_with("http");
        assert!(
            has_address,
            "the program with `{}` prints no address, but `{url}`:\n{}",
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

    /// The URL of the process: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Reads the URL of the next surface with an address of its own: `contracts` or `admin`.
    pub async fn next_surface_address(&mut self, name: &str) -> String {
        let mut line = String::new();
        let read = timeout(TIMEOUT, self.stdout.read_line(&mut line)).await;
        let url = line.trim_end().strip_prefix(name).map(str::trim_start);
        match (read, url) {
            (Ok(Ok(_)), Some(url)) => url.to_owned(),
            _ => panic!(
                "{} prints no address of {name}, but `{line}`:\n{}",
                self.url,
                text(&self.log)
            ),
        }
    }

    /// Host and port, as `--listen` takes them.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Waits until `/health/ready` answers 200: the process and every module that the process calls are ready.
    pub async fn wait_until_ready(&self) {
        let client = Client::new(&self.url);
        self.wait_until("is not ready", async || client.get("/health/ready").await.status == 200)
            .await;
    }

    /// Waits until `holds`. After the timeout, panics with `otherwise` and the log.
    pub async fn wait_until(&self, otherwise: &str, holds: impl AsyncFn() -> bool) {
        let give_up = Instant::now() + TIMEOUT;
        while !holds().await {
            assert!(
                Instant::now() < give_up,
                "{} {otherwise}:\n{}",
                self.url,
                text(&self.log)
            );
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the log contains `words`.
    pub async fn wait_for_log(&self, words: &str) {
        self.wait_until(&format!("has not logged `{words}`"), async || {
            text(&self.log).contains(words)
        })
        .await;
    }

    /// Sends a signal, named without `SIG`.
    pub async fn send_signal(&self, name: &str) {
        send_signal(self.id(), name).await;
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().expect("the process was not reaped before")
    }

    /// Sends SIGTERM. Panics unless the process exits with 0 in time.
    pub async fn stop(self) {
        self.send_signal("TERM").await;
        self.expect_exit(0).await;
    }

    /// Waits until the process ends. Panics unless the process exits with `code`.
    pub async fn expect_exit(mut self, code: i32) {
        let id = self.id();
        let ended = timeout(TIMEOUT, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("process {id} does not stop:\n{}", text(&self.log)));
        let status = status.expect("the child is waited for");
        assert_eq!(
            status.code(),
            Some(code),
            "process {id} exited with {status}:\n{}",
            text(&self.log)
        );
    }

    /// Sends SIGKILL: the process runs no cleanup.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the process was not reaped before");
    }
}

fn text(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}
