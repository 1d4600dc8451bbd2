//! Reads outside a transaction.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use offshoot_contract::CallContext;

use crate::queries::Queries;

/// One connection for any number of reads. Each statement reads on its own: there is no transaction and no snapshot
/// over several statements.
///
/// The connection is read-only on both engines. Like a transaction, a read borrows the context, so no contract call can
/// be made until the read is dropped.
pub struct Read<'cx> {
    queries: Queries,
    cx: PhantomData<&'cx mut CallContext>,
}

impl Read<'_> {
    pub(crate) fn new(queries: Queries) -> Self {
        Self {
            queries,
            cx: PhantomData,
        }
    }
}

/// Extends the borrow of the context to the end of the scope, as for a transaction.
impl Drop for Read<'_> {
    fn drop(&mut self) {}
}

impl Deref for Read<'_> {
    type Target = Queries;

    fn deref(&self) -> &Queries {
        &self.queries
    }
}

impl DerefMut for Read<'_> {
    fn deref_mut(&mut self) -> &mut Queries {
        &mut self.queries
    }
}
