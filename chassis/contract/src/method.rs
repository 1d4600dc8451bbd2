//! A contract and its methods as values: what `#[contract]` writes and everything generic is built on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CallContext, Class, ContractError, EventSet, Invoke};

/// A contract, implemented for its trait object (`dyn ReadingsApi`).
pub trait Contract: Send + Sync + 'static {
    /// The module's name.
    const NAME: &'static str;
    /// Major and minor version.
    const VERSION: Version;
    /// The trait's documentation.
    const DOC: &'static str;

    /// What it announces; [`NoEvents`](crate::NoEvents) if nothing.
    type Events: EventSet;

    /// Who may call it from another process, by module name or origin; empty: everybody with a service token.
    const CALLERS: &'static [&'static str];

    /// Shows every method to `visitor`, in the order of the trait.
    fn visit_methods<V: MethodVisitor<Self>>(visitor: &mut V);

    /// The trait object over any way of invoking the contract.
    fn object(invoke: impl Invoke<Self>) -> Arc<Self>;
}

/// Something done once for every method of a contract.
pub trait MethodVisitor<A: Contract + ?Sized> {
    /// Called for each method.
    fn method<M: Method<Api = A>>(&mut self);
}

/// What is fixed about each method of a contract, in the order of the trait.
#[must_use]
pub fn method_specs<A: Contract + ?Sized>() -> Vec<&'static MethodSpec> {
    struct Collect(Vec<&'static MethodSpec>);
    impl<A: Contract + ?Sized> MethodVisitor<A> for Collect {
        fn method<M: Method<Api = A>>(&mut self) {
            self.0.push(M::spec());
        }
    }
    let mut collect = Collect(Vec::new());
    A::visit_methods(&mut collect);
    collect.0
}

/// One method of a contract.
pub trait Method: Sized + Send + Sync + 'static {
    /// The trait object that has the method.
    type Api: Contract + ?Sized;
    /// The parameters in the request line: path, and query for GET and DELETE.
    type Params: WireValue;
    /// The parameters in the JSON body.
    type Body: WireValue;
    /// What it answers.
    type Answer: WireValue;
    /// What it fails with.
    type Error: ContractError;

    /// What is fixed about the method.
    const SPEC: MethodSpec;

    /// The entity key of this call, for canary and partitions.
    fn key(args: &ArgsOf<Self>) -> Option<String>;

    /// Calls the method on an implementation.
    fn call<'a>(
        api: &'a Self::Api,
        cx: &'a mut CallContext,
        args: ArgsOf<Self>,
    ) -> BoxFuture<'a, Result<Self::Answer, Self::Error>>;

    /// The same specification with a static address.
    fn spec() -> &'static MethodSpec {
        const { &Self::SPEC }
    }
}

/// The arguments of one call, as they travel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Args<P, B> {
    /// Path and query parameters.
    pub params: P,
    /// The JSON body.
    pub body: B,
}

/// The arguments of method `M`.
pub type ArgsOf<M> = Args<<M as Method>::Params, <M as Method>::Body>;

/// The body of a method that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize, JsonSchema)]
pub struct NoBody {}

/// What is fixed about a method.
#[derive(Debug, Clone, Copy)]
pub struct MethodSpec {
    /// Position in the trait.
    pub index: usize,
    /// The contract's name.
    pub module: &'static str,
    /// The contract's major version.
    pub major: u32,
    /// The method's name.
    pub name: &'static str,
    /// The method's documentation.
    pub doc: &'static str,
    /// HTTP verb.
    pub verb: Verb,
    /// Path template below `/modules/<name>/v<major>`.
    pub path: &'static str,
    /// Idempotency class.
    pub class: Class,
    /// Name of the parameter that is the entity key.
    pub key: Option<&'static str>,
    /// Whether a follower may answer.
    pub stale_ok: bool,
    /// Largest request body, bytes.
    pub max_bytes: usize,
    /// Longest execution.
    pub timeout: Duration,
    /// Whether the parameters that are not in the path travel in a JSON body.
    pub has_body: bool,
}

impl MethodSpec {
    /// Largest body where the attribute says nothing: 4 MiB.
    pub const DEFAULT_MAX_BYTES: usize = 4 << 20;
    /// Longest execution where the attribute says nothing, milliseconds.
    pub const DEFAULT_TIMEOUT_MS: u64 = 10_000;
}

/// HTTP verbs of contract methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the verbs")]
pub enum Verb {
    Get,
    Put,
    Post,
    Delete,
}

impl Verb {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Put => "PUT",
            Verb::Post => "POST",
            Verb::Delete => "DELETE",
        }
    }
}

/// Major and minor version of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Changes when a caller could break.
    pub major: u32,
    /// Rises with each addition.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What every parameter, answer and error field must be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter or answer of a contract",
    note = "it must be Clone + PartialEq + Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static"
)]
pub trait WireValue:
    Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
}

impl<T> WireValue for T where
    T: Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
}

/// What can stand in a path or a query: its JSON form is a string, a number or a bool.
///
/// Implement it (it is empty) for enums without fields and for newtypes over scalars.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a path or query parameter",
    note = "parameters of GET and DELETE are scalars; give the method a JSON body with `#[post(.., safe)]`, or implement `Scalar` for a type whose JSON form is a string, a number or a bool"
)]
pub trait Scalar: WireValue {}

macro_rules! scalars {
    ($($scalar:ty),*) => { $(impl Scalar for $scalar {})* };
}
scalars!(
    bool,
    u8,
    u16,
    u32,
    u64,
    i8,
    i16,
    i32,
    i64,
    String,
    crate::Timestamp,
    crate::Currency
);
impl<T: Scalar> Scalar for Option<T> {}
impl<E: crate::Entity> Scalar for crate::Id<E> {}

#[doc(hidden)]
pub const fn assert_wire_value<T: WireValue>() {}
#[doc(hidden)]
pub const fn assert_scalar<T: Scalar>() {}

/// The text of an entity key: what it looks like in a path.
#[doc(hidden)]
#[must_use]
pub fn key_text(key: &impl Serialize) -> Option<String> {
    match serde_json::to_value(key).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    }
}
