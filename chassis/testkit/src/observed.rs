//! Watches every call of a body, and repeats the successful ones that have an effect: an idempotent call, and an unsafe
//! call under its key, must leave the data as the first one did.

use std::sync::Arc;

use offshoot_contract::{ArgsOf, CallContext, Class, Contract, Invoke, Method};

use crate::coverage::Coverage;
use crate::state::DataState;

/// Reads the state of the module's data.
pub(crate) type Repeats = Arc<DataState>;

pub(crate) struct Observed<I> {
    inner: Arc<I>,
    coverage: Arc<Coverage>,
    repeats: Option<Repeats>,
}

impl<I> Observed<I> {
    pub(crate) fn new(inner: Arc<I>, coverage: Arc<Coverage>, repeats: Option<Repeats>) -> Self {
        Self {
            inner,
            coverage,
            repeats,
        }
    }
}

impl<A: Contract + ?Sized, I: Invoke<A>> Invoke<A> for Observed<I> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        let mut key = cx.take_key_for(&M::SPEC);
        if M::SPEC.class == Class::Unsafe && self.repeats.is_some() {
            key.get_or_insert_with(|| format!("repeat-{:032x}", rand::random::<u128>()).into());
        }
        if M::SPEC.class.has_effect() {
            cx.set_next_key(key.clone());
        }
        let first = self.inner.invoke::<M>(cx, args.clone()).await;
        self.coverage.record::<M>(&first);
        let (Some(state), true, true) = (&self.repeats, first.is_ok(), M::SPEC.class.has_effect()) else {
            return first;
        };
        let before = state.read().await;
        let mut again = cx.fork();
        again.set_next_key(key.clone());
        let second = self.inner.invoke::<M>(&mut again, args).await;
        let after = state.read().await;
        let name = M::SPEC.name;
        assert_eq!(before, after, "`{name}` called a second time changed the data");
        if key.is_some() {
            assert_eq!(first, second, "`{name}` repeated under its key answered something else");
        }
        self.coverage.record_repeat::<M>();
        first
    }
}
