//! Options of provisioning, and the steps that provisioning reports.

use std::fmt;

/// Options of provisioning beyond roles and schema.
#[derive(Debug, Clone, Default)]
pub struct ProvisionOptions {
    /// Allow the module's runtime role to log in.
    pub logins: bool,
    /// Password of the runtime role. Without a password the server's own rules decide how the role authenticates.
    pub password: Option<Password>,
    /// An existing login that is granted the owner role, so that the login can migrate.
    pub migrator: Option<String>,
    /// The database belongs to the store alone: PUBLIC loses the right to connect and to create tables.
    pub own_database: bool,
    /// The login that provisions is also granted the runtime role, as in development.
    pub shared: bool,
    /// Report the missing steps and change nothing.
    pub dry_run: bool,
}

/// A password. `Debug` never shows the text.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Accepts printable ASCII only. None for an empty text and for any other character, because servers and clients
    /// normalise those differently.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let plain = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        plain.then(|| Self(text.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// A step of provisioning that was executed, or would be executed without `dry_run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedStep {
    /// Past tense: "created the role `x`".
    pub description: String,
    /// The SQL of the step. Never contains a password.
    pub sql: String,
}
