//! Static properties of a method, as values: code that takes a [`MethodSpec`] is compiled once for all methods.

use std::time::Duration;

use crate::policy::Class;

/// Static properties of a method.
#[derive(Debug, Clone, Copy)]
pub struct MethodSpec {
    /// Name of the contract.
    pub module: &'static str,
    /// Major version of the contract.
    pub major: u32,
    /// Name of the method.
    pub name: &'static str,
    /// Documentation of the method.
    pub doc: &'static str,
    /// HTTP verb.
    pub verb: Verb,
    /// Path template below `/modules/<name>/v<major>`.
    pub path: &'static str,
    /// Idempotency class.
    pub class: Class,
    /// Name of the parameter with the entity key.
    pub key: Option<&'static str>,
    /// Whether a follower may answer.
    pub stale_ok: bool,
    /// Largest request body, bytes.
    pub max_bytes: usize,
    /// Longest execution.
    pub timeout: Duration,
    /// Whether parameters outside the path travel in a JSON body.
    pub has_body: bool,
}

impl MethodSpec {
    /// Default of `max`, bytes: 4 MiB.
    pub const DEFAULT_MAX_BYTES: usize = 4 << 20;
    /// Default of `timeout`, milliseconds.
    pub const DEFAULT_TIMEOUT_MS: u64 = 10_000;
}

/// HTTP verbs of contract methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are named after the verbs")]
pub enum Verb {
    Get,
    Put,
    Post,
    Delete,
}

impl Verb {
    /// The verb as sent in an HTTP request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Put => "PUT",
            Verb::Post => "POST",
            Verb::Delete => "DELETE",
        }
    }
}
