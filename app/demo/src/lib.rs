//! `offshoot demo split`: a module leaves, dies and returns while buyers buy.
//!
//! Starts this binary as child processes on a temporary folder. Knows the command line, the public API and the admin
//! surface; opens no database.

mod children;
mod story;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use offshoot_import::{Progress, online_retail, sample};
use offshoot_replay::{self as replay, Options};

pub use self::story::Story;

use self::children::{Child, Children};
use self::story::{Chapter, Measured};

/// Contracts of the demonstrated store, called in this process.
pub struct Modules {
    /// Modules that get the sample before the store serves.
    pub filled: online_retail::Modules,
    /// Modules that the proofs read afterwards.
    pub proven: replay::Modules,
}

/// Number of buyers, and the pause of each: about thirty baskets a second, so that stock lasts.
const BUYERS: usize = 8;
const REST: Duration = Duration::from_millis(250);
/// Time limit for retries of a buyer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest and shortest pause between progress lines.
const LOOK: Duration = Duration::from_millis(500);
const SHORTEST_LOOK: Duration = Duration::from_millis(50);
/// Downtime of the killed catalog.
const AWAY: Duration = Duration::from_millis(1_500);

/// Moves the catalog out and back under load, `each` long per chapter. `connect` opens a new store, with all modules in
/// this process, in the given data directory.
pub async fn split(
    each: Duration,
    connect: impl FnOnce(&Path) -> BoxFuture<'static, Result<Modules>>,
    progress: &mut dyn Progress,
) -> Result<Story> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    progress.note(&format!(
        "a new store in {}, with the sample of 5,017 real invoice lines",
        folder.path().display()
    ));
    let modules = connect(folder.path()).await?;
    sample::load(&modules.filled).await?;

    let children = Children::new(folder.path())?;
    let catalog_at = children::free_address()?;
    let urls = format!("catalog=http://{catalog_at}");
    let store = children
        .serve("store", &["--listen", "127.0.0.1:0", "--urls", &urls])
        .await?;
    let options = Options {
        concurrency: BUYERS,
        limit: usize::MAX,
        seed: 1,
        run: "demo".to_owned(),
        patience: PATIENCE,
    };
    let load = replay::load(&modules.proven, &store.url, &sample::source(), &options, REST).await?;
    let mut teller = Teller {
        load,
        measured: Vec::new(),
        progress,
    };

    teller.tell("one process", "here", each).await;
    let catalog = ["--only", "catalog", "--listen", &catalog_at];
    let away = children.serve("catalog", &catalog).await?;
    children.place("catalog", "remote", &store).await?;
    teller.tell("the catalog in its own process", "there", each).await;
    away.kill().await?;
    teller.tell("the catalog killed (kill -9)", "nowhere", AWAY).await;
    let away: Child = children.serve("catalog", &catalog).await?;
    teller.tell("the catalog started again", "there", each).await;
    children.place("catalog", "local", &store).await?;
    teller.tell("the catalog back in the first process", "here", each).await;
    away.stop().await?;

    let (chapters, outcomes) = teller.end().await?;
    let proofs = replay::prove_after(&modules.proven, &outcomes, PATIENCE).await?;
    store.stop().await?;
    Ok(Story { chapters, proofs })
}

/// Measures the buyers, chapter by chapter.
struct Teller<'a> {
    load: replay::Load,
    measured: Vec<Measured>,
    progress: &'a mut dyn Progress,
}

impl Teller<'_> {
    /// Lasts `long`, on a slow machine until the buyers have noticed the chapter: one basket, or one retry, has ended.
    async fn tell(&mut self, name: &'static str, catalog: &'static str, long: Duration) {
        let (begin, done, repeats) = (Instant::now(), self.load.done(), self.load.repeats());
        let (mut bought, mut retries) = (0, 0);
        while begin.elapsed() < long || (bought + retries == 0 && begin.elapsed() < PATIENCE) {
            sleep(long.saturating_sub(begin.elapsed()).clamp(SHORTEST_LOOK, LOOK)).await;
            (bought, retries) = (self.load.done() - done, self.load.repeats() - repeats);
            let seconds = begin.elapsed().as_secs_f64();
            self.progress.note(&format!(
                "{name:38} {seconds:4.1} s  {bought:4} baskets, {:3.0} a second, {retries} retries",
                bought as f64 / seconds
            ));
        }
        let repeats = self.load.repeats() - repeats;
        self.measured.push(Measured {
            name,
            catalog,
            begin: begin.into_std(),
            repeats,
        });
    }

    async fn end(self) -> Result<(Vec<Chapter>, Vec<replay::Outcome>)> {
        self.progress.note("all buyers end; checking the proofs");
        let end = Instant::now().into_std();
        let outcomes = self.load.stop().await?;
        Ok((story::chapters(&self.measured, end, &outcomes), outcomes))
    }
}
