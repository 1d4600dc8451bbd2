//! Contracts and methods as types. `#[contract]` generates the implementations. Generic code builds on these traits.
//!
//! Generic code is compiled once per method. It should only encode, decode and compare values, and leave the rest to
//! functions that take the [`MethodSpec`].

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::CallContext;
use crate::event::EventSet;
use crate::method_spec::MethodSpec;
use crate::problem::ContractError;

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

    /// Hash of the entity key of a call, the same for all methods with this key; `None` for a method without one. Canary
    /// releases compare the hash with a threshold, so that all calls of one entity go to the same side. Allocates nothing.
    fn key_hash(args: &ArgsOf<Self>, salt: u64) -> Option<u64>;

    /// Calls the method on an implementation.
    fn call<'a>(api: &'a Self::Api, cx: &'a mut CallContext, args: ArgsOf<Self>) -> BoxFuture<'a, OutcomeOf<Self>>;

    /// [`SPEC`](Self::SPEC) as a static reference.
    fn spec() -> &'static MethodSpec {
        const { &Self::SPEC }
    }
}

/// Delivers a call, given as a value, to an implementation of contract `A`. Implemented by the edge of a module in this
/// process, the REST client, and the switch that routes to either.
pub trait Invoke<A: Contract + ?Sized>: Send + Sync + 'static {
    /// Makes the call. `cx` is the caller's context.
    fn invoke<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> impl Future<Output = OutcomeOf<M>> + Send;
}

/// Implements a contract's trait over any [`Invoke`]: `#[contract]` generates `impl ReadingsApi for ContractProxy<I>`.
#[derive(Debug)]
pub struct ContractProxy<I>(pub I);

impl<A: Contract + ?Sized, I: Invoke<A>> Invoke<A> for Arc<I> {
    // Not an `async fn`: the future would wrap the inner future in another state machine, for every method.
    fn invoke<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> impl Future<Output = OutcomeOf<M>> + Send {
        (**self).invoke::<M>(cx, args)
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
    crate::time::Timestamp,
    crate::money::Currency
);
impl<T: Scalar> Scalar for Option<T> {}
impl<E: crate::id::Entity> Scalar for crate::id::Id<E> {}

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
