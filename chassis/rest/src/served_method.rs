//! The methods behind a surface, as trait objects: the only server code that knows the values of a call.

use std::sync::Arc;

use axum::extract::RawPathParams;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Response, Uri};
use http_body_util::Full;
use offshoot_contract::{
    ArgsOf, CallContext, CallFailure, Contract, ContractError, Edge, IdempotencyKey, Method, MethodSpec, MethodVisitor,
    Outcome, OutcomeOf, TraceContext, WireMethod,
};
use serde::Serialize;

use crate::recorder::CallRecorder;
use crate::{request, response};

/// A method that a surface serves.
pub(crate) trait ServedMethod: Send + Sync {
    fn spec(&self) -> &'static MethodSpec;

    /// Executes an admitted call. Fails with the failure of a call that was not executed.
    fn serve(&self, call: ReceivedCall) -> BoxFuture<'_, Result<Served, CallFailure>>;
}

/// An admitted call whose arguments are not decoded yet.
pub(crate) struct ReceivedCall {
    pub(crate) cx: CallContext,
    pub(crate) trace: TraceContext,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) uri: Uri,
    pub(crate) path: RawPathParams,
    pub(crate) body: Bytes,
    pub(crate) recorder: Option<CallRecorder>,
}

/// The result of an executed call.
pub(crate) struct Served {
    pub(crate) response: Response<Full<Bytes>>,
    pub(crate) outcome: Outcome,
}

impl Served {
    pub(crate) fn new<T: Serialize, E: ContractError>(
        spec: &MethodSpec,
        result: &Result<T, E>,
        trace: &TraceContext,
    ) -> Self {
        Self {
            response: response::encode(spec, result, trace),
            outcome: Outcome::from_result(result),
        }
    }
}

impl ReceivedCall {
    pub(crate) fn decode<M: WireMethod>(&self, spec: &MethodSpec) -> Result<ArgsOf<M>, CallFailure> {
        let args = request::decode::<M>(spec, &self.uri, &self.path, &self.body);
        args.map_err(|bad| CallFailure::refused(400, "bad-request", bad.to_string()))
    }
}

/// A method of the contract, executed by the module's edge.
struct ContractMethod<M: Method>(Arc<Edge<M::Api>>);

impl<M: Method> ServedMethod for ContractMethod<M> {
    fn spec(&self) -> &'static MethodSpec {
        M::spec()
    }

    fn serve(&self, mut call: ReceivedCall) -> BoxFuture<'_, Result<Served, CallFailure>> {
        Box::pin(async move {
            let args = call.decode::<M>(M::spec())?;
            let key = call.key.take();
            let key = key.map(|key| IdempotencyKey::new(key, serde_json::to_vec(&args)));
            let cx = call.cx.with_idempotency_key(key.transpose()?);
            let recorder = call.recorder.map(|recorder| (recorder, args.clone()));
            let result = self.0.execute::<M>(cx, args).await;
            let served = Served::new(M::spec(), &result, &call.trace);
            if let Some((recorder, args)) = recorder {
                recorder.record::<M>(args, result);
            }
            Ok(served)
        })
    }
}

/// The methods of a contract, in the order of the trait.
pub(crate) fn served_methods<A: Contract + ?Sized>(edge: &Arc<Edge<A>>) -> Vec<Arc<dyn ServedMethod>> {
    struct Collect<'a, A: ?Sized> {
        edge: &'a Arc<Edge<A>>,
        methods: Vec<Arc<dyn ServedMethod>>,
    }
    impl<A: Contract + ?Sized> MethodVisitor<A> for Collect<'_, A> {
        fn visit_method<M: Method<Api = A>>(&mut self) {
            self.methods.push(Arc::new(ContractMethod::<M>(Arc::clone(self.edge))));
        }
    }
    let methods = Vec::new();
    let mut collect = Collect { edge, methods };
    A::visit_methods(&mut collect);
    collect.methods
}

type Handler<M> = dyn Fn(CallContext, ArgsOf<M>) -> BoxFuture<'static, OutcomeOf<M>> + Send + Sync;

/// A method that the chassis answers instead of the module's implementation.
pub(crate) struct ChassisMethod<M: WireMethod> {
    spec: &'static MethodSpec,
    handler: Box<Handler<M>>,
}

impl<M: WireMethod> ChassisMethod<M> {
    pub(crate) fn new(
        spec: &'static MethodSpec,
        handler: impl Fn(CallContext, ArgsOf<M>) -> BoxFuture<'static, OutcomeOf<M>> + Send + Sync + 'static,
    ) -> Self {
        let handler = Box::new(handler);
        Self { spec, handler }
    }
}

impl<M: WireMethod> ServedMethod for ChassisMethod<M> {
    fn spec(&self) -> &'static MethodSpec {
        self.spec
    }

    fn serve(&self, call: ReceivedCall) -> BoxFuture<'_, Result<Served, CallFailure>> {
        Box::pin(async move {
            let args = call.decode::<M>(self.spec)?;
            let result = (self.handler)(call.cx, args).await;
            Ok(Served::new(self.spec, &result, &call.trace))
        })
    }
}
