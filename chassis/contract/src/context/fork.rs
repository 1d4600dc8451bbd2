//! Contexts that share one execution: the context of a call, forks and children.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Mutex, PoisonError};

use crate::context::CallContext;

/// State shared by all contexts of one execution.
#[derive(Debug, Default)]
pub(crate) struct Execution {
    pub(crate) effects: AtomicU32,
    pub(crate) answered: AtomicBool,
    steps: Mutex<BTreeSet<String>>,
}

impl Execution {
    /// Registers the call of a step; false if the step has already made a call.
    pub(crate) fn begin_step(&self, step: &str) -> bool {
        self.steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(step.to_owned())
    }
}

/// A second context of the same execution. Borrows the original context, so that no transaction can begin while the
/// fork exists, and no detached task can own the fork.
#[derive(Debug)]
pub struct ForkedContext<'cx> {
    context: CallContext,
    original: PhantomData<&'cx CallContext>,
}

impl<'cx> ForkedContext<'cx> {
    /// `context` is a copy of `_original`, which stays borrowed.
    pub(crate) fn new(_original: &'cx CallContext, context: CallContext) -> Self {
        let original = PhantomData;
        Self { context, original }
    }
}

impl Deref for ForkedContext<'_> {
    type Target = CallContext;

    fn deref(&self) -> &CallContext {
        &self.context
    }
}

impl DerefMut for ForkedContext<'_> {
    fn deref_mut(&mut self) -> &mut CallContext {
        &mut self.context
    }
}
