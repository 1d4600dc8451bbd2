//! Reading outside a transaction.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use offshoot_contract::CallContext;

use crate::Queries;

/// One connection for any number of reads, each on its own: no transaction, no snapshot over several statements.
///
/// It cannot write on either engine. Like a transaction it borrows the context, so no call can be made meanwhile.
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

/// Keeps the borrow of the context until here, as that of a transaction.
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
