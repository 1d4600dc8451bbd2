//! Replaces the public surface in a binary that serves contracts only.

use std::future::{Ready, ready};
use std::sync::Arc;

use axum::Router;
use offshoot_rest::Operators;

use crate::config::Settings;
use crate::serve::health::Health;
use crate::serve::reload::ReloadedFiles;
use crate::wiring::Wired;

/// A public surface without routes.
pub(super) struct Front;

impl Front {
    pub(super) fn is_wanted(_: &Settings) -> bool {
        false
    }

    #[expect(clippy::unnecessary_wraps, reason = "the other one may be declared wrongly")]
    pub(super) fn new(_: &Wired, _: &Settings, _: &Arc<Operators>, _: &mut ReloadedFiles) -> anyhow::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "the front of the store has a start page to show")]
    pub(super) fn routes(&self, _: &str, _: &Arc<Health>) -> Router {
        Router::new()
    }

    #[expect(clippy::unused_self, reason = "the front of the store has a catalog to fill")]
    pub(super) fn fill(&self, _: &Settings, _: &str) -> Ready<anyhow::Result<()>> {
        ready(Ok(()))
    }
}
