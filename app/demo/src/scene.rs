//! The scene of a demonstration: a new store with the sample in a temporary folder, and buyers.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use tempfile::TempDir;

use offshoot_import::{Progress, online_retail, sample};
use offshoot_replay::{self as replay, Options};

use crate::children::{Child, Children};

/// Contracts of the demonstrated store, called in this process.
pub struct Modules {
    /// Modules that get the sample before the store serves.
    pub filled: online_retail::Modules,
    /// Modules that the proofs read afterwards.
    pub proven: replay::Modules,
}

/// Time limit for retries of a buyer, and for changes in flight to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Number of buyers, and the pause of each: about thirty baskets a second, so that stock lasts.
const BUYERS: usize = 8;
const REST: Duration = Duration::from_millis(250);

/// A new store with the sample. Nothing serves yet.
pub(super) struct Scene {
    pub(super) children: Children,
    modules: Modules,
    /// Removed when dropped.
    _folder: TempDir,
}

impl Scene {
    /// `connect` opens a new store, with all modules in this process, in the given data directory.
    pub(super) async fn open(
        connect: impl FnOnce(&Path) -> BoxFuture<'static, Result<Modules>>,
        progress: &mut dyn Progress,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
        progress.note(&format!(
            "a new store in {}, with the sample of 5,017 real invoice lines",
            folder.path().display()
        ));
        let modules = connect(folder.path()).await?;
        sample::load(&modules.filled).await?;
        Ok(Self {
            children: Children::new(folder.path())?,
            modules,
            _folder: folder,
        })
    }

    /// Starts the store: all modules in one process, with an address where `module` may run later.
    pub(super) async fn serve_store(&self, module: &str, address: &str) -> Result<Child> {
        let urls = format!("{module}=http://{address}");
        let arguments = ["--listen", "127.0.0.1:0", "--urls", &urls];
        self.children.serve("store", &arguments).await
    }

    /// Starts buyers, who buy the baskets of the sample until stopped.
    pub(super) async fn buyers(&self, store: &Child) -> Result<replay::Load> {
        let options = Options {
            concurrency: BUYERS,
            limit: usize::MAX,
            seed: 1,
            run: "demo".to_owned(),
            patience: PATIENCE,
        };
        replay::load(&self.modules.proven, &store.url, &sample::source(), &options, REST).await
    }

    /// Checks the proofs over the outcomes that buyers saw.
    pub(super) async fn prove(&self, outcomes: &[replay::Outcome]) -> Result<Vec<replay::Proof>> {
        replay::prove_after(&self.modules.proven, outcomes, PATIENCE).await
    }
}
