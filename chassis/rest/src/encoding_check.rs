//! Encoding check: passes the arguments and the outcome of an ended call through the real REST encoding and back, without
//! executing the method.
//!
//! Client and router are the ones of a call over the network, without a socket. In the place of the module stands an echo,
//! which encodes the given outcome.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::{
    ArgsOf, CallContext, CallFailure, Callers, Contract, ContractError as _, EncodingCheck, Method, MethodSpec,
    MethodVisitor, OutcomeOf,
};

use crate::admission::{Admission, ServerOptions};
use crate::client::Client;
use crate::encoded::in_process_client;
use crate::identity::ContractIdentity;
use crate::limits::SERVER_IN_FLIGHT;
use crate::recorder::CallRecorder;
use crate::served_method::{ReceivedCall, Served, ServedMethod};
use crate::server;

/// Caller name of a check.
const CALLER: &str = "encoding";
/// Time limit of a check, which waits for nothing but the processor.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A check of all methods of a contract.
#[must_use]
pub fn encoding_check<A: Contract + ?Sized>() -> Arc<dyn EncodingCheck> {
    struct Collect<A: ?Sized> {
        client: Arc<Client<A>>,
        methods: Vec<Box<dyn MethodCheck>>,
    }
    impl<A: Contract + ?Sized> MethodVisitor<A> for Collect<A> {
        fn visit_method<M: Method<Api = A>>(&mut self) {
            self.methods.push(Box::new(Checked::<M>(Arc::clone(&self.client))));
        }
    }
    let client = Arc::new(in_process_client::<A>(|server| {
        let contract = ContractIdentity::from_contract::<A>();
        let admission = Arc::new(admission(&contract, &server));
        server::routes(&contract.root(), echoes::<A>(), &admission)
    }));
    let methods = Vec::new();
    let mut collect = Collect { client, methods };
    A::visit_methods(&mut collect);
    Arc::new(ContractCheck(collect.methods))
}

fn admission(contract: &ContractIdentity, server: &ServerOptions) -> Admission {
    Admission::new(contract, server, SERVER_IN_FLIGHT, &Callers::everyone())
}

fn echoes<A: Contract + ?Sized>() -> Vec<Arc<dyn ServedMethod>> {
    struct Collect(Vec<Arc<dyn ServedMethod>>);
    impl<A: Contract + ?Sized> MethodVisitor<A> for Collect {
        fn visit_method<M: Method<Api = A>>(&mut self) {
            self.0.push(Arc::new(Echo::<M>(PhantomData)));
        }
    }
    let mut collect = Collect(Vec::new());
    A::visit_methods(&mut collect);
    collect.0
}

/// Serves a method by encoding the given outcome.
struct Echo<M>(PhantomData<fn() -> M>);

impl<M: Method> ServedMethod for Echo<M> {
    fn spec(&self) -> &'static MethodSpec {
        M::spec()
    }

    fn serve(&self, mut call: ReceivedCall) -> BoxFuture<'_, Result<Served, CallFailure>> {
        Box::pin(async move {
            let args = call.decode::<M>(M::spec())?;
            let without_outcome = || CallFailure::internal("the echo received no outcome");
            let recorder = call.recorder.take().ok_or_else(without_outcome)?;
            let outcome = recorder.take_outcome::<M>().ok_or_else(without_outcome)?;
            let served = Served::new(M::spec(), &outcome, &call.trace);
            recorder.record::<M>(args, outcome);
            Ok(served)
        })
    }
}

/// The checks of all methods, in the order of the trait.
struct ContractCheck(Vec<Box<dyn MethodCheck>>);

impl EncodingCheck for ContractCheck {
    fn check<'a>(
        &'a self,
        method: usize,
        arguments: &'a (dyn Any + Send + Sync),
        outcome: &'a (dyn Any + Send + Sync),
    ) -> BoxFuture<'a, Result<(), String>> {
        self.0[method].check(arguments, outcome)
    }
}

trait MethodCheck: Send + Sync {
    fn check<'a>(
        &'a self,
        arguments: &'a (dyn Any + Send + Sync),
        outcome: &'a (dyn Any + Send + Sync),
    ) -> BoxFuture<'a, Result<(), String>>;
}

struct Checked<M: Method>(Arc<Client<M::Api>>);

impl<M: Method> MethodCheck for Checked<M> {
    fn check<'a>(
        &'a self,
        arguments: &'a (dyn Any + Send + Sync),
        outcome: &'a (dyn Any + Send + Sync),
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let (Some(args), Some(outcome)) = (
                arguments.downcast_ref::<ArgsOf<M>>(),
                outcome.downcast_ref::<OutcomeOf<M>>(),
            ) else {
                return Err(changed(M::spec(), "values have the types of another method"));
            };
            // A failure of the call has no value of the contract.
            if outcome.as_ref().is_err_and(|error| error.failure().is_some()) {
                return Ok(());
            }
            let recorder = CallRecorder::with_outcome::<M>(outcome.clone());
            let mut cx = CallContext::root(CALLER).with_timeout(TIMEOUT);
            let received = self.0.call::<M>(&mut cx, args, Some(recorder.clone())).await;
            if let Err(error) = &received
                && let Some(failure) = error.failure()
            {
                // The code alone: the text of a failure may quote a value.
                return Err(changed(M::spec(), failure.status_and_code().1));
            }
            match recorder.take::<M>() {
                Some((decoded, _)) if decoded != *args => Err(changed(M::spec(), "the arguments changed")),
                Some(_) if received != *outcome => Err(changed(M::spec(), "the outcome changed")),
                Some(_) => Ok(()),
                None => Err(changed(M::spec(), "the call did not arrive")),
            }
        })
    }
}

/// Names the method and the fault. Values stay out of logs and records.
fn changed(spec: &MethodSpec, what: &str) -> String {
    format!("{}.{} does not survive the encoding: {what}", spec.module, spec.name)
}
