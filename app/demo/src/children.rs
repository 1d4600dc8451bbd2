//! Runs this binary as child processes, which end with the parent.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// Time limit for a process to start or stop, and for a command to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts processes on one data directory.
pub(super) struct Children {
    binary: PathBuf,
    folder: PathBuf,
}

/// A serving process.
pub(super) struct Child {
    process: tokio::process::Child,
    pub(super) url: String,
    log: PathBuf,
}

impl Children {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        Ok(Self {
            binary: std::env::current_exe().context("cannot find the path of this program")?,
            folder: folder.to_owned(),
        })
    }

    /// A command of this binary, with an empty environment so that the demonstration is the same everywhere.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--data-dir").arg(&self.folder);
        command.env_clear().stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Starts a process and waits for its address.
    pub(super) async fn serve(&self, name: &str, arguments: &[&str]) -> Result<Child> {
        let log = self.folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log)?;
        let mut command = self.command(&[&["serve"], arguments].concat());
        let mut process = command.stdout(Stdio::piped()).stderr(file).spawn()?;
        let output = process
            .stdout
            .take()
            .context("the standard output of a child is not piped")?;
        let mut line = String::new();
        let read = timeout(PATIENCE, BufReader::new(output).read_line(&mut line)).await;
        let url = line.trim().to_owned();
        if !(matches!(read, Ok(Ok(_))) && url.starts_with("http://")) {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the process of the {name} did not start: {}", said.trim());
        }
        Ok(Child { process, url, log })
    }

    /// Executes a command that ends by itself, and returns its output.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<String> {
        let name = arguments.join(" ");
        let output = timeout(PATIENCE, self.command(arguments).output())
            .await
            .with_context(|| format!("`offshoot {name}` did not end within {PATIENCE:?}"))??;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`offshoot {name}` failed: {}", said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Child {
    /// Process id. `None` once the process has ended.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Kills the process.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.process.kill().await.context("the process had ended before")
    }

    /// Stops the process; fails if the process does not end cleanly.
    pub(super) async fn stop(mut self) -> Result<()> {
        let id = self.process.id().context("the process had ended before")?.to_string();
        // `kill` is a builtin of the shell, so nothing must be installed.
        let kill = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &id])
            .status()
            .await?;
        ensure!(kill.success(), "cannot send SIGTERM to process {id}");
        let ended = timeout(PATIENCE, self.process.wait())
            .await
            .with_context(|| format!("process {id} did not stop within {PATIENCE:?}"))??;
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        ensure!(ended.success(), "process {id} ended with {ended}: {}", said.trim());
        Ok(())
    }
}

/// A free port of this machine.
pub(super) fn free_address() -> Result<String> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.to_string())
}
