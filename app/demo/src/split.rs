//! `offshoot demo split`: the catalog leaves, dies and returns while buyers buy.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use offshoot_import::Progress;
use offshoot_replay as replay;

use crate::children::{Child, free_address};
use crate::scene::{Modules, PATIENCE, Scene};
use crate::story::{Chapter, Measured, Story, chapters};

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
    let scene = Scene::open(connect, progress).await?;
    let children = &scene.children;
    let catalog_at = free_address()?;
    let store = scene.serve_store("catalog", &catalog_at).await?;
    let mut teller = Teller {
        load: scene.buyers(&store).await?,
        measured: Vec::new(),
        progress,
    };

    teller.tell("one process", "here", each).await;
    let catalog = ["--only", "catalog", "--listen", &catalog_at];
    let place = |place| ["placement", "set", "catalog", place, "--of", &store.url];
    let mut away = children.serve("catalog", &catalog).await?;
    children.run(&place("remote")).await?;
    teller.tell("the catalog in its own process", "there", each).await;
    away.kill().await?;
    teller.tell("the catalog killed (kill -9)", "nowhere", AWAY).await;
    let away: Child = children.serve("catalog", &catalog).await?;
    teller.tell("the catalog started again", "there", each).await;
    children.run(&place("local")).await?;
    teller.tell("the catalog back in the first process", "here", each).await;
    away.stop().await?;

    let (chapters, outcomes) = teller.end().await?;
    let proofs = scene.prove(&outcomes).await?;
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
        let (outcomes, _) = self.load.stop().await?;
        Ok((chapters(&self.measured, end, &outcomes), outcomes))
    }
}
