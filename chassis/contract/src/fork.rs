//! Contexts of one execution: a call's own, its forks and its children share what they do.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Mutex, PoisonError};

use crate::CallContext;

/// What all contexts of one execution share.
#[derive(Debug, Default)]
pub(crate) struct Execution {
    pub(crate) effects: AtomicU32,
    pub(crate) answered: AtomicBool,
    steps: Mutex<BTreeSet<String>>,
}

impl Execution {
    /// Notes that a step makes its call; false if it has made one.
    pub(crate) fn begin_step(&self, step: &str) -> bool {
        self.steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(step.to_owned())
    }
}

/// A second context of the same call. It borrows the first, so that no transaction can be begun beside it and no
/// detached task can take it along.
#[derive(Debug)]
pub struct Fork<'cx> {
    context: CallContext,
    call: PhantomData<&'cx CallContext>,
}

impl<'cx> Fork<'cx> {
    /// `context` is a copy of `_of`, which it borrows.
    pub(crate) fn new(_of: &'cx CallContext, context: CallContext) -> Self {
        let call = PhantomData;
        Self { context, call }
    }
}

impl Deref for Fork<'_> {
    type Target = CallContext;

    fn deref(&self) -> &CallContext {
        &self.context
    }
}

impl DerefMut for Fork<'_> {
    fn deref_mut(&mut self) -> &mut CallContext {
        &mut self.context
    }
}
