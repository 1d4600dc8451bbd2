//! Ledger file of the sandbox provider: one line of JSON per executed operation. Contains no tokens.
//!
//! A writer holds the file lock and has read all earlier lines, so processes that share the file agree. An incomplete
//! last line of a killed process was never acknowledged and is truncated.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use offshoot_contract::Money;
use serde::{Deserialize, Serialize};

/// State of one authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    /// The amount is held.
    Held {
        /// The held amount.
        amount: Money,
    },
    /// The authorization was declined.
    Declined {
        /// Reason for the shopper.
        reason: String,
    },
    /// The amount was captured.
    Captured {
        /// The captured amount.
        amount: Money,
        /// Refunded amounts by refund reference.
        refunds: HashMap<String, Money>,
    },
    /// The amount was released, or the key was voided before the authorization.
    Voided,
}

/// One line of the ledger file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: String,
    #[serde(flatten)]
    pub(super) operation: Operation,
}

/// An executed operation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub(super) enum Operation {
    Authorize { amount: Money },
    Decline { reason: String },
    Capture,
    Void,
    Refund { refund: String, amount: Money },
}

/// The ledger, as far as the file was read.
#[derive(Default)]
pub(super) struct Ledger {
    file: Option<File>,
    /// Length of the file that was read, bytes.
    read: u64,
    charges: HashMap<String, Charge>,
}

/// Reads the state of every authorization in the ledger at `path`, by key.
pub fn read_ledger(path: &Path) -> io::Result<HashMap<String, Charge>> {
    let mut ledger = Ledger::open(Some(path.to_owned()))?;
    ledger.update::<()>(|_| ((), None))?;
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

    /// Decides on all earlier operations and adds the resulting entry, under the lock of the file.
    pub(super) fn update<T>(
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
        let result = file.lock().and_then(|()| self.update_locked(&mut file, decide));
        let unlocked = file.unlock();
        self.file = Some(file);
        let answer = result?;
        unlocked.map(|()| answer)
    }

    fn update_locked<T>(
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
                // A full disk may leave half a line.
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
        let mut unread = Vec::new();
        file.seek(SeekFrom::Start(self.read))?;
        file.read_to_end(&mut unread)?;
        let whole = unread
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |last| last + 1);
        for line in unread[..whole]
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            apply(&mut self.charges, serde_json::from_slice(line)?);
        }
        self.read += whole as u64;
        if whole < unread.len() {
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
            .update(|_| ((), Some(entry(key, operation))))
            .expect("the ledger can be written");
    }

    fn hold(amount: i64) -> Operation {
        let amount = Money::new(amount, Money::GBP);
        Operation::Authorize { amount }
    }

    #[test]
    fn ledgers_on_one_file_agree_and_a_restart_loses_nothing() {
        let folder = tempfile::tempdir().expect("the temporary folder is created");
        let path = folder.path().join("ledger.jsonl");
        let open = || Ledger::open(Some(path.clone())).expect("the ledger opens");
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
        assert_eq!(read_ledger(&path).expect("the ledger is readable"), all);
    }

    #[test]
    fn an_incomplete_line_is_truncated() {
        let folder = tempfile::tempdir().expect("the temporary folder is created");
        let path = folder.path().join("ledger.jsonl");
        let mut ledger = Ledger::open(Some(path.clone())).expect("the ledger opens");
        add(&mut ledger, "a", hold(5));
        let mut file = File::options().append(true).open(&path).expect("the file exists");
        file.write_all(b"{\"key\":\"b\",\"oper")
            .expect("the file can be written");
        add(&mut ledger, "c", hold(7));
        let charges = read_ledger(&path).expect("the ledger is readable");
        assert_eq!(charges.len(), 2, "{charges:?}");
    }
}
