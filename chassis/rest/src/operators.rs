//! Operators: names and bearer tokens from a file that only the owner may read.
//!
//! Knows no surface and no setting. The caller names the file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::headers;
use crate::limits::MIN_OPERATOR_TOKEN_BYTES;
use crate::secret_file::{self, SecretFileError};

/// The name in a file that [`Operators::load_or_create`] makes.
const LOCAL: &str = "local";

/// The operators of a process. Holds digests of the tokens, never a token.
pub struct Operators(ArcSwap<Vec<Operator>>);

struct Operator {
    name: Arc<str>,
    digest: [u8; 32],
}

/// Why a file of operators is unusable.
#[derive(Debug, thiserror::Error)]
pub enum OperatorsError {
    /// The file cannot be read or made.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// A line is malformed. The message omits the line, because the line may contain a token.
    #[error("line {line} of {}: a line is a name and a token of at least {MIN_OPERATOR_TOKEN_BYTES} characters", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The file has no operator.
    #[error("{} names no operator: a line is a name and a token of at least {MIN_OPERATOR_TOKEN_BYTES} characters", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Operators {
    /// Reads the operators in `path`.
    pub fn load(path: &Path) -> Result<Self, OperatorsError> {
        read(path, &secret_file::read(path)?).map(Self::new)
    }

    /// Replaces the operators by those in `path`. Keeps the operators if the file is not usable.
    pub fn reload(&self, path: &Path) -> Result<(), OperatorsError> {
        self.0.store(Arc::new(read(path, &secret_file::read(path)?)?));
        Ok(())
    }

    fn new(operators: Vec<Operator>) -> Self {
        Self(ArcSwap::from_pointee(operators))
    }

    /// Reads the operators in `path`. A missing file is created, with a random token for `local`.
    pub fn load_or_create(path: &Path) -> Result<Self, OperatorsError> {
        let text = secret_file::read_or_create(path, || {
            let random: [u8; 32] = rand::random();
            let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{LOCAL} {token}")
        })?;
        read(path, &text).map(Self::new)
    }

    /// No operators: every request is refused.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(Vec::new())
    }

    /// The first token in `path`, for commands of a person with access to the file.
    pub fn first_token(path: &Path) -> Result<String, OperatorsError> {
        let lines = parse(path, &secret_file::read(path)?)?;
        let (_, token) = lines.into_iter().next().ok_or_else(|| empty(path))?;
        Ok(token)
    }

    /// Finds the operator by the bearer token of a request. The duration does not depend on the operator.
    #[must_use]
    pub fn authenticate(&self, headers: &HeaderMap) -> Option<Arc<str>> {
        let token = headers::bearer_token(headers::authorization(headers)?)?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        let matches = |operator: &&Operator| bool::from(operator.digest.ct_eq(&digest));
        let operators = self.0.load();
        let found: Vec<_> = operators.iter().filter(matches).collect();
        found.first().map(|operator| Arc::clone(&operator.name))
    }
}

fn read(path: &Path, text: &str) -> Result<Vec<Operator>, OperatorsError> {
    let lines = parse(path, text)?;
    if lines.is_empty() {
        return Err(empty(path));
    }
    let operators = lines.into_iter().map(|(name, token)| Operator {
        name: name.into(),
        digest: Sha256::digest(token).into(),
    });
    Ok(operators.collect())
}

fn empty(path: &Path) -> OperatorsError {
    OperatorsError::Empty { path: path.to_owned() }
}

/// Parses names and tokens. Blank lines and comments are skipped.
fn parse(path: &Path, text: &str) -> Result<Vec<(String, String)>, OperatorsError> {
    let mut operators = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(' ') {
            Some((name, token)) if token.len() >= MIN_OPERATOR_TOKEN_BYTES && !token.contains(' ') => {
                operators.push((name.to_owned(), token.to_owned()));
            }
            _ => {
                return Err(OperatorsError::Line {
                    path: path.to_owned(),
                    line: index + 1,
                });
            }
        }
    }
    Ok(operators)
}

// Names are not secret.
impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.load().iter().map(|operator| &operator.name))
            .finish()
    }
}
