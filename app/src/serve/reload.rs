//! Secrets and certificates that are read again, without a restart, when their files change or on SIGHUP.
//!
//! A file that is not usable is logged once, and the values that were read before stay in use. Knows no format of a file.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Pause between looks at the files. A change of several files, such as a certificate and its key, may be seen in parts.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The files of a process.
#[derive(Default)]
pub struct ReloadedFiles {
    files: Vec<ReloadedFile>,
    hangups: Option<Signal>,
}

struct ReloadedFile {
    setting: &'static str,
    paths: Vec<PathBuf>,
    /// Digest of the contents at the last look.
    seen: Option<[u8; 32]>,
    reload: Box<dyn Fn() -> anyhow::Result<()> + Send>,
}

impl ReloadedFiles {
    /// No files yet. From now on SIGHUP asks to read them again, except in a process at a terminal: there SIGHUP says that
    /// the terminal was closed, and ends the process.
    pub(super) fn with_hangups() -> io::Result<Self> {
        let hangups = (!io::stdin().is_terminal()).then(|| signal(SignalKind::hangup()));
        Ok(Self {
            files: Vec::new(),
            hangups: hangups.transpose()?,
        })
    }

    /// Has `reload` read the files at `paths`, which `setting` names, again after a change.
    pub fn add(
        &mut self,
        setting: &'static str,
        paths: impl IntoIterator<Item = PathBuf>,
        reload: impl Fn() -> anyhow::Result<()> + Send + 'static,
    ) {
        self.files.push(ReloadedFile {
            setting,
            paths: paths.into_iter().collect(),
            seen: None,
            reload: Box::new(reload),
        });
    }

    /// Looks at the files for ever.
    pub(super) async fn watch(mut self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            let is_asked = tokio::select! {
                _ = ticks.tick() => false,
                () = next(&mut self.hangups) => true,
            };
            // A folder on a network may be slow.
            let looked = tokio::task::spawn_blocking(move || {
                self.files.iter_mut().for_each(|file| file.look(is_asked));
                if is_asked {
                    tracing::info!("all secrets and certificates were read again, as SIGHUP asked");
                }
                self
            });
            match looked.await {
                Ok(files) => self = files,
                Err(error) => return tracing::error!(%error, "changed secrets and certificates are not noticed"),
            }
        }
    }
}

impl ReloadedFile {
    /// Reads the files again if they have changed or if a person asks for it.
    fn look(&mut self, is_asked: bool) {
        let found = self.digest();
        let before = self.seen.replace(found);
        if before == Some(found) && !is_asked {
            return;
        }
        let setting = self.setting;
        match (self.reload)() {
            // The first look reads what the start has read, in case the files have changed between.
            Ok(()) if before.is_none() && !is_asked => {}
            Ok(()) => tracing::info!(setting, "read again"),
            Err(error) => tracing::error!(
                setting,
                error = format!("{error:#}"),
                "the changed file is not usable, the values read before stay in use"
            ),
        }
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for path in &self.paths {
            // The prefix keeps an absent file apart from an empty one, and each file apart from the next.
            match fs::read(path) {
                Ok(content) => {
                    digest.update((content.len() as u64).to_be_bytes());
                    digest.update(content);
                }
                Err(error) => digest.update(format!("{:?}", error.kind())),
            }
        }
        digest.finalize().into()
    }
}

async fn next(hangups: &mut Option<Signal>) {
    let heard = match hangups {
        Some(hangups) => hangups.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn files_are_read_again_after_a_change_and_on_request() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let paths = ["one", "two"].map(|name| folder.path().join(name));
        let reads = Arc::<AtomicUsize>::default();
        let mut files = ReloadedFiles::default();
        let count = Arc::clone(&reads);
        files.add("public.certificate", paths.clone(), move || {
            count.fetch_add(1, Ordering::Relaxed);
            anyhow::bail!("not usable")
        });
        let file = &mut files.files[0];
        let mut look = |is_asked| {
            file.look(is_asked);
            reads.load(Ordering::Relaxed)
        };
        assert_eq!(
            [look(false), look(false)],
            [1, 1],
            "files that do not exist do not change"
        );
        fs::write(&paths[1], "").expect("the file can be written");
        assert_eq!([look(false), look(false)], [2, 2], "an empty file is another content");
        fs::write(&paths[0], "a").expect("the file can be written");
        assert_eq!(
            [look(false), look(false)],
            [3, 3],
            "a file that is not usable is read once"
        );
        assert_eq!([look(true), look(false)], [4, 4]);
        fs::remove_file(&paths[0]).expect("the file can be removed");
        assert_eq!(look(false), 5);
    }
}
