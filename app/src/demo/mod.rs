//! `offshoot demo split`: real processes and real baskets, and a module that leaves, dies and comes back meanwhile.
//!
//! Starts this binary again as children, on a temporary folder; knows the command line, the public side and the admin
//! surface, as everybody does.

mod children;
mod story;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use offshoot_contract::SystemClock;
use tokio::time::{Instant, sleep};

use crate::config::{Flags, load_from};
use crate::import::{Progress, sample};
use crate::replay::{self, Options};
use crate::serve::front::importable;
use crate::wiring;

pub use self::story::Story;

use self::children::{Child, Children};
use self::story::{Chapter, Heard};

/// Buyers at once, and how long each rests after a basket: about thirty baskets a second, which leaves goods on the shelves.
const BUYERS: usize = 8;
const REST: Duration = Duration::from_millis(250);
/// How long buyers repeat what is not answered.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often somebody looks.
const LOOK: Duration = Duration::from_millis(500);
/// How long the catalog stays away when it was killed.
const AWAY: Duration = Duration::from_millis(1_500);

/// Tells the story of a catalog that moves out and back, `each` long per chapter.
pub async fn split(each: Duration, progress: &mut dyn Progress) -> Result<Story> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let data = folder.path().to_string_lossy().into_owned();
    progress.note(&format!(
        "a new store in {data}, with the sample of 5,017 real invoice lines"
    ));
    let mut flags = Flags::default();
    flags.set("--data-dir", "data_dir", &data);
    let settings = load_from(None, [], &flags)?.settings;
    let wired = wiring::connect(&settings, Arc::new(SystemClock)).await?;
    let modules = importable(&wired).context("this binary does not have every module")?;
    sample::load(&modules).await?;

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
    let load = replay::load(&wired, &store.url, &sample::source(), &options, REST).await?;
    let mut teller = Teller {
        load,
        heard: Vec::new(),
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
    let proofs = replay::prove_after(&wired, &outcomes, PATIENCE).await?;
    store.stop().await?;
    Ok(Story { chapters, proofs })
}

/// Watches the buyers, chapter by chapter.
struct Teller<'a> {
    load: replay::Load,
    heard: Vec<Heard>,
    progress: &'a mut dyn Progress,
}

impl Teller<'_> {
    async fn tell(&mut self, name: &'static str, catalog: &'static str, long: Duration) {
        let (begin, done, repeats) = (Instant::now(), self.load.done(), self.load.repeats());
        while begin.elapsed() < long {
            sleep(LOOK.min(long - begin.elapsed())).await;
            let (bought, asked_again) = (self.load.done() - done, self.load.repeats() - repeats);
            let seconds = begin.elapsed().as_secs_f64();
            self.progress.note(&format!(
                "{name:38} {seconds:4.1} s  {bought:4} baskets, {:3.0} a second, {asked_again} requests asked again",
                bought as f64 / seconds
            ));
        }
        let repeats = self.load.repeats() - repeats;
        self.heard.push(Heard {
            name,
            catalog,
            begin: begin.into_std(),
            repeats,
        });
    }

    async fn end(self) -> Result<(Vec<Chapter>, Vec<replay::Outcome>)> {
        self.progress.note("all buyers end; now the proofs");
        let end = Instant::now().into_std();
        let outcomes = self.load.stop().await?;
        Ok((story::chapters(&self.heard, end, &outcomes), outcomes))
    }
}
