//! Placement: where the calls of a module run.

/// Location in which a module's calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In this process.
    Local,
    /// In this process, through the REST encoding and back, with a comparison of the values.
    Encoded,
    /// In another process.
    Remote,
}

impl Placement {
    /// All placements, in declaration order.
    pub const ALL: [Self; 3] = [Self::Local, Self::Encoded, Self::Remote];

    /// Name in configuration, metrics and answers of the admin surface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Placement::Local => "local",
            Placement::Encoded => "encoded",
            Placement::Remote => "remote",
        }
    }
}
