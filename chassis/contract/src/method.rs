//! Contracts and methods as types. `#[contract]` generates the implementations. Generic code builds on these traits.
//!
//! Generic code is compiled once per method. It should only encode, decode and compare values, and leave the rest to
//! functions that take the [`MethodSpec`].

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
    /// Documentation of the trait.
    const DOC: &'static str;

    /// Published events; [`NoEvents`](crate::NoEvents) for a module without events.
    type Events: EventSet;

    /// Calls `visitor` for every method, in the order of the trait.
    fn visit_methods<V: MethodVisitor<Self>>(visitor: &mut V);

    /// A trait object that forwards every call to `invoke`.
    fn new_proxy(invoke: impl Invoke<Self>) -> Arc<Self>;
}

/// Visitor of the methods of a contract.
pub trait MethodVisitor<A: Contract + ?Sized> {
    /// Called once for each method.
    fn visit_method<M: Method<Api = A>>(&mut self);
}

/// Specifications of all methods of a contract, in the order of the trait.
#[must_use]
pub fn method_specs<A: Contract + ?Sized>() -> Vec<&'static MethodSpec> {
    struct Collect(Vec<&'static MethodSpec>);
    impl<A: Contract + ?Sized> MethodVisitor<A> for Collect {
        fn visit_method<M: Method<Api = A>>(&mut self) {
            self.0.push(M::spec());
        }
    }
    let mut collect = Collect(Vec::new());
    A::visit_methods(&mut collect);
    collect.0
}

/// The values of one method on the wire. Methods that the chassis answers have these values and no contract.
pub trait WireMethod: Sized + Send + Sync + 'static {
    /// Parameters in path and query.
    type Params: WireValue;
    /// Parameters in the JSON body.
    type Body: WireValue;
    /// Return value on success.
    type Answer: WireValue;
    /// Error type.
    type Error: ContractError;
}

/// One method of a contract.
pub trait Method: WireMethod {
    /// The trait object with the method.
    type Api: Contract + ?Sized;

    /// Static properties of the method.
    const SPEC: MethodSpec;
    /// Position in the trait.
    const INDEX: usize;

    /// The entity key of a call, for canary releases and partitioning.
    fn key(args: &ArgsOf<Self>) -> Option<String>;

    /// Calls the method on an implementation.
    fn call<'a>(api: &'a Self::Api, cx: &'a mut CallContext, args: ArgsOf<Self>) -> BoxFuture<'a, OutcomeOf<Self>>;

    /// [`SPEC`](Self::SPEC) as a static reference.
    fn spec() -> &'static MethodSpec {
        const { &Self::SPEC }
    }
}

/// The arguments of one call, split by location in the HTTP request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Args<P, B> {
    /// Path and query parameters.
    pub params: P,
    /// JSON body.
    pub body: B,
}

/// The arguments of method `M`.
pub type ArgsOf<M> = Args<<M as WireMethod>::Params, <M as WireMethod>::Body>;

/// The outcome of a call of method `M`.
pub type OutcomeOf<M> = Result<<M as WireMethod>::Answer, <M as WireMethod>::Error>;

/// Placeholder for methods without parameters in the path and query, or without a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize, JsonSchema)]
pub struct NoBody {}

/// Static properties of a method.
#[derive(Debug, Clone, Copy)]
pub struct MethodSpec {
    /// Name of the contract.
    pub module: &'static str,
    /// Major version of the contract.
    pub major: u32,
    /// Name of the method.
    pub name: &'static str,
    /// Documentation of the method.
    pub doc: &'static str,
    /// HTTP verb.
    pub verb: Verb,
    /// Path template below `/modules/<name>/v<major>`.
    pub path: &'static str,
    /// Idempotency class.
    pub class: Class,
    /// Name of the parameter with the entity key.
    pub key: Option<&'static str>,
    /// Whether a follower may answer.
    pub stale_ok: bool,
    /// Largest request body, bytes.
    pub max_bytes: usize,
    /// Longest execution.
    pub timeout: Duration,
    /// Whether parameters outside the path travel in a JSON body.
    pub has_body: bool,
}

impl MethodSpec {
    /// Default of `max`, bytes: 4 MiB.
    pub const DEFAULT_MAX_BYTES: usize = 4 << 20;
    /// Default of `timeout`, milliseconds.
    pub const DEFAULT_TIMEOUT_MS: u64 = 10_000;
}

/// HTTP verbs of contract methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are named after the verbs")]
pub enum Verb {
    Get,
    Put,
    Post,
    Delete,
}

impl Verb {
    /// The verb as sent in an HTTP request.
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
    /// Rises with breaking changes.
    pub major: u32,
    /// Rises with additions.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Bounds on all parameters, answers and error fields.
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

/// A value for a path or a query: the JSON form is a string, a number or a bool.
///
/// A marker trait without methods. Implement `Scalar` for enums without fields and for newtypes over scalars.
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

/// The text of an entity key, in the form used in paths.
#[doc(hidden)]
#[must_use]
pub fn key_text(key: &impl Serialize) -> Option<String> {
    match serde_json::to_value(key).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    }
}
