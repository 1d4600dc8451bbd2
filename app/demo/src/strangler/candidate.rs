//! The candidate: a process that runs one module, and no background work before the plan allows some.

use anyhow::{Context as _, Result};

use crate::children::{Child, Children};

/// The candidate, which may be killed and started again at the same address.
pub(super) struct Candidate<'a> {
    children: &'a Children,
    arguments: Vec<String>,
    process: Child,
    /// Ids of all processes so far.
    pids: Vec<u32>,
}

impl<'a> Candidate<'a> {
    /// Starts a process with `module` at `address`. `needs`: modules that the module calls or whose events the module
    /// handles; all of them run in `store`.
    pub(super) async fn start(
        children: &'a Children,
        module: &str,
        address: &str,
        needs: &[&str],
        store: &str,
    ) -> Result<Self> {
        let mut arguments = ["--only", module, "--candidate", "--listen", address]
            .map(str::to_owned)
            .to_vec();
        for needed in needs {
            arguments.extend(["--remote".to_owned(), format!("{needed}={store}")]);
        }
        let process = serve(children, &arguments).await?;
        Ok(Self {
            children,
            pids: process.id().into_iter().collect(),
            process,
            arguments,
        })
    }

    /// Kills the process, as `kill -9` does.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// Starts the killed process again.
    pub(super) async fn start_again(&mut self) -> Result<()> {
        self.process = serve(self.children, &self.arguments).await?;
        self.pids.extend(self.process.id());
        Ok(())
    }

    /// Stops the process, and returns the ids of all processes.
    pub(super) async fn stop(self) -> Result<Vec<u32>> {
        self.process.stop().await?;
        Ok(self.pids)
    }
}

async fn serve(children: &Children, arguments: &[String]) -> Result<Child> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let started = children.serve("candidate", &arguments).await;
    started.context("the candidate does not start")
}
