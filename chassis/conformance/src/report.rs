//! The result of a conformance test.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

/// Place of the page, from the root of the project.
pub(crate) const PAGE: &str = "chassis/rest/PROTOCOL.md";

/// The result of a test of one module at one server.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The module.
    pub module: String,
    /// The contract's version that the test expects: `major.minor`.
    pub version: String,
    /// Address of the server.
    pub url: String,
    /// Vectors that the server answered as the page asks for.
    pub passed: Vec<&'static str>,
    /// Vectors that the server answered otherwise.
    pub deviations: Vec<Deviation>,
    /// Vectors that were not sent.
    pub unchecked: Vec<Unchecked>,
    /// Whether all vectors were sent before the time limit.
    pub finished: bool,
}

/// A vector that the server answered otherwise than the page asks for.
#[derive(Debug, Serialize)]
pub struct Deviation {
    /// Name of the vector on the page.
    pub vector: &'static str,
    /// Section of the page.
    pub section: &'static str,
    /// The request. Signatures of tokens are left out.
    pub sent: String,
    /// The answer, cut off after some hundred characters.
    pub received: String,
    /// The answer that the page asks for.
    pub expected: &'static str,
    /// Why the answer is another one.
    pub reason: String,
}

/// A vector that was not sent.
#[derive(Debug, Serialize)]
pub struct Unchecked {
    /// Name of the vector on the page.
    pub vector: &'static str,
    /// Why the vector was not sent.
    pub reason: String,
}

impl Report {
    /// Whether the server follows the page as far as the test can tell.
    #[must_use]
    pub fn is_conforming(&self) -> bool {
        self.deviations.is_empty() && self.finished
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (passed, deviations) = (self.passed.len(), self.deviations.len());
        write!(
            f,
            "{} {} at {}: {passed} vectors as in {PAGE}, ",
            self.module, self.version, self.url
        )?;
        write!(f, "{deviations} deviations, {} not checked", self.unchecked.len())?;
        if !self.finished {
            f.write_str(", stopped at the time limit")?;
        }
        for each in &self.deviations {
            write!(f, "\n\n{}: {}", each.vector, each.reason)?;
            write!(f, "\n  sent      {}", each.sent)?;
            write!(f, "\n  received  {}", each.received)?;
            write!(f, "\n  page      {}", each.expected)?;
            write!(f, "\n  section   {}", each.section)?;
        }
        if !self.unchecked.is_empty() {
            f.write_str("\n\nnot checked:")?;
        }
        for Unchecked { vector, reason } in &self.unchecked {
            write!(f, "\n  {vector}: {reason}")?;
        }
        Ok(())
    }
}
