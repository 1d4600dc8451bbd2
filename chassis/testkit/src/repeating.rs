//! Repeats every successful call with an effect, an unsafe call under its key. The repeat must leave the data unchanged
//! and, under a key, return the same answer. Records coverage.

use std::sync::Arc;

use offshoot_contract::{ArgsOf, CallContext, Class, Contract, Invoke, Method};

use crate::coverage::Coverage;
use crate::data_state::DataState;

/// Invoker that repeats the calls of `inner`.
pub(crate) struct RepeatingInvoker<I> {
    inner: Arc<I>,
    coverage: Arc<Coverage>,
    /// Data to compare before and after a repeat; without data no call is repeated.
    state: Option<Arc<DataState>>,
}

impl<I> RepeatingInvoker<I> {
    pub(crate) fn new(inner: Arc<I>, coverage: Arc<Coverage>, state: Option<Arc<DataState>>) -> Self {
        Self { inner, coverage, state }
    }
}

impl<A: Contract + ?Sized, I: Invoke<A>> Invoke<A> for RepeatingInvoker<I> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        let mut key = cx.take_next_key(&M::SPEC);
        if M::SPEC.class == Class::Unsafe && self.state.is_some() {
            key.get_or_insert_with(|| format!("repeat-{:032x}", rand::random::<u128>()).into());
        }
        if M::SPEC.class.has_effect() {
            cx.set_next_key(key.clone());
        }
        let first = self.inner.invoke::<M>(cx, args.clone()).await;
        self.coverage.record::<M>(&first);
        let (Some(state), true, true) = (&self.state, first.is_ok(), M::SPEC.class.has_effect()) else {
            return first;
        };
        let before = state.read().await;
        let mut again = cx.fork();
        again.set_next_key(key.clone());
        let second = self.inner.invoke::<M>(&mut again, args).await;
        let after = state.read().await;
        let name = M::SPEC.name;
        assert_eq!(before, after, "repeating `{name}` changed the data");
        if key.is_some() {
            assert_eq!(
                first, second,
                "repeating `{name}` under its key returned a different answer"
            );
        }
        self.coverage.record_repeat::<M>();
        first
    }
}
