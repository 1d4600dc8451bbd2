//! The sagas that this binary carries on. Knows of them what the modules that drive them say.

/// A kind of saga, in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSaga {
    /// The module that drives it.
    pub module: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// Its version.
    pub version: u32,
}

/// Every one of them.
#[must_use]
pub fn known() -> Vec<KnownSaga> {
    #[cfg(feature = "orders")]
    return ::orders::SAGAS
        .iter()
        .map(|(kind, version)| KnownSaga {
            module: ::orders::SCHEMA.module,
            kind,
            version: *version,
        })
        .collect();
    #[cfg(not(feature = "orders"))]
    Vec::new()
}
