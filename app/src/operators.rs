//! Who may change how the store runs: names and tokens, from a file that only its owner reads.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use offshoot_rest::secret_file;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::Settings;

/// The operator of a store that was started without saying who operates it.
const LOCAL: &str = "local";
/// Shortest token, characters.
const MIN_TOKEN: usize = 32;

/// Everybody who may. Keeps no token, only what a presented one is compared with.
pub struct Operators(Vec<Operator>);

struct Operator {
    name: String,
    digest: [u8; 32],
}

impl Operators {
    /// Reads the file, or makes one with a token for `local`.
    pub fn load(settings: &Settings) -> anyhow::Result<Self> {
        let path = settings.operators_file();
        let is_own = settings.admin.operators.is_none();
        ensure!(
            is_own || path.exists(),
            "there is no file {} (admin.operators)",
            path.display()
        );
        let text = secret_file::read_or_create(&path, || {
            let random: [u8; 32] = rand::random();
            let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{LOCAL} {token}")
        })?;
        let lines = parse(&path, &text)?;
        let operators = lines.into_iter().map(|(name, token)| Operator {
            name,
            digest: Sha256::digest(token).into(),
        });
        let operators: Vec<_> = operators.collect();
        ensure!(!operators.is_empty(), "{} names no operator: {WANTED}", path.display());
        Ok(Self(operators))
    }

    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self(Vec::new())
    }

    /// The operator who sends a request. Takes the same time whoever it is.
    #[must_use]
    pub fn who(&self, headers: &HeaderMap) -> Option<&str> {
        let token = headers.get(AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        let is_it = |operator: &&Operator| bool::from(operator.digest.ct_eq(&digest));
        let found: Vec<_> = self.0.iter().filter(is_it).collect();
        found.first().map(|operator| operator.name.as_str())
    }
}

/// The first token of the file, for the commands of whoever may read it.
pub fn own_token(settings: &Settings) -> anyhow::Result<String> {
    let path = settings.operators_file();
    let text = secret_file::read(&path).context("a process makes it when it starts first, or you do")?;
    let lines = parse(&path, &text)?;
    let first = lines.into_iter().next();
    first
        .map(|(_, token)| token)
        .with_context(|| format!("{} names no operator: {WANTED}", path.display()))
}

const WANTED: &str = "a line is a name and a token of at least 32 characters";

/// Names and tokens.
fn parse(path: &Path, text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(' ') {
            Some((name, token)) if token.len() >= MIN_TOKEN && !token.contains(' ') => {
                lines.push((name.to_owned(), token.to_owned()));
            }
            // Not the line itself: it may hold a token.
            _ => bail!("line {} of {}: {WANTED}", number + 1, path.display()),
        }
    }
    Ok(lines)
}

// Names are no secrets.
impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|operator| &operator.name))
            .finish()
    }
}
