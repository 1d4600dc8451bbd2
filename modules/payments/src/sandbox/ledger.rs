//! The sandbox's books: a file to which one line of JSON is added for each thing that was done. No token is in it.
//!
//! Whoever adds a line holds the file's lock and has read every line before it, so that processes that share the file
//! agree. A line that a killed process left unfinished was never answered to anybody, and is cut off.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use offshoot_contract::Money;
use serde::{Deserialize, Serialize};

/// What has become of one authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    /// The amount is held.
    Held {
        /// How much.
        amount: Money,
    },
    /// It was declined.
    Declined {
        /// In words for the shopper.
        reason: String,
    },
    /// The amount was taken.
    Captured {
        /// How much.
        amount: Money,
        /// What was given back of it, by the refund's name.
        refunds: HashMap<String, Money>,
    },
    /// It was let go, or never will be held.
    Voided,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: String,
    #[serde(flatten)]
    pub(super) operation: Operation,
}

/// What was done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub(super) enum Operation {
    Authorize { amount: Money },
    Decline { reason: String },
    Capture,
    Void,
    Refund { refund: String, amount: Money },
}

/// The books, as far as they were read.
#[derive(Default)]
pub(super) struct Ledger {
    file: Option<File>,
    read: u64,
    charges: HashMap<String, Charge>,
}

/// What has become of every authorization in the ledger at `path`.
pub fn read_ledger(path: &Path) -> io::Result<HashMap<String, Charge>> {
    let mut ledger = Ledger::open(Some(path.to_owned()))?;
    ledger.write::<()>(|_| ((), None))?;
    Ok(ledger.charges)
}

impl Ledger {
    pub(super) fn open(path: Option<PathBuf>) -> io::Result<Self> {
        let open = |path: PathBuf| File::options().read(true).append(true).create(true).open(path);
        Ok(Self {
            file: path.map(open).transpose()?,
            ..Self::default()
        })
    }

    /// Decides with everything that was done before, and adds what is done now. Nobody else does meanwhile.
    pub(super) fn write<T>(
        &mut self,
        decide: impl FnOnce(&HashMap<String, Charge>) -> (T, Option<Entry>),
    ) -> io::Result<T> {
        let Some(mut file) = self.file.take() else {
            let (answer, entry) = decide(&self.charges);
            if let Some(entry) = entry {
                apply(&mut self.charges, entry);
            }
            return Ok(answer);
        };
        let result = file.lock().and_then(|()| self.locked(&mut file, decide));
        let unlocked = file.unlock();
        self.file = Some(file);
        let answer = result?;
        unlocked.map(|()| answer)
    }

    fn locked<T>(
        &mut self,
        file: &mut File,
        decide: impl FnOnce(&HashMap<String, Charge>) -> (T, Option<Entry>),
    ) -> io::Result<T> {
        self.catch_up(file)?;
        let (answer, entry) = decide(&self.charges);
        if let Some(entry) = entry {
            let mut line = serde_json::to_vec(&entry)?;
            line.push(b'\n');
            if let Err(error) = file.write_all(&line) {
                // Half a line, on a full disk.
                file.set_len(self.read)?;
                return Err(error);
            }
            self.read += line.len() as u64;
            apply(&mut self.charges, entry);
        }
        Ok(answer)
    }

    fn catch_up(&mut self, file: &mut File) -> io::Result<()> {
        if file.metadata()?.len() == self.read {
            return Ok(());
        }
        let mut news = Vec::new();
        file.seek(SeekFrom::Start(self.read))?;
        file.read_to_end(&mut news)?;
        let whole = news.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        for line in news[..whole]
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            apply(&mut self.charges, serde_json::from_slice(line)?);
        }
        self.read += whole as u64;
        if whole < news.len() {
            file.set_len(self.read)?;
        }
        Ok(())
    }
}

fn apply(charges: &mut HashMap<String, Charge>, Entry { key, operation }: Entry) {
    match operation {
        Operation::Authorize { amount } => drop(charges.insert(key, Charge::Held { amount })),
        Operation::Decline { reason } => drop(charges.insert(key, Charge::Declined { reason })),
        Operation::Void => drop(charges.insert(key, Charge::Voided)),
        Operation::Capture => {
            if let Some(charge) = charges.get_mut(&key)
                && let Charge::Held { amount } = *charge
            {
                let refunds = HashMap::new();
                *charge = Charge::Captured { amount, refunds };
            }
        }
        Operation::Refund { refund, amount } => {
            if let Some(Charge::Captured { refunds, .. }) = charges.get_mut(&key) {
                refunds.insert(refund, amount);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, operation: Operation) -> Entry {
        Entry {
            key: key.to_owned(),
            operation,
        }
    }

    fn add(ledger: &mut Ledger, key: &str, operation: Operation) {
        ledger
            .write(|_| ((), Some(entry(key, operation))))
            .expect("it can be written");
    }

    fn hold(amount: i64) -> Operation {
        let amount = Money::new(amount, Money::GBP);
        Operation::Authorize { amount }
    }

    #[test]
    fn those_who_share_it_agree_and_a_restart_forgets_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ledger.jsonl");
        let open = || Ledger::open(Some(path.clone())).expect("it opens");
        let (mut one, mut other) = (open(), open());
        add(&mut one, "a", hold(5));
        add(&mut other, "a", Operation::Capture);
        add(&mut one, "b", Operation::Void);
        let captured = Charge::Captured {
            amount: Money::new(5, Money::GBP),
            refunds: HashMap::new(),
        };
        let all = HashMap::from([("a".to_owned(), captured), ("b".to_owned(), Charge::Voided)]);
        assert_eq!(one.charges, all);
        assert_eq!(read_ledger(&path).expect("it is readable"), all);
    }

    #[test]
    fn an_unfinished_line_is_cut_off() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ledger.jsonl");
        let mut ledger = Ledger::open(Some(path.clone())).expect("it opens");
        add(&mut ledger, "a", hold(5));
        let mut file = File::options().append(true).open(&path).expect("it is there");
        file.write_all(b"{\"key\":\"b\",\"oper").expect("it can be written");
        add(&mut ledger, "c", hold(7));
        let charges = read_ledger(&path).expect("it is readable");
        assert_eq!(charges.len(), 2, "{charges:?}");
    }
}
