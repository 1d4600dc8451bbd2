//! Reads a module's log from another process over HTTP, and serves a log to other processes.
//!
//! The reads go through the client of the module's contract: allowed callers, the expected store, several addresses and
//! retries work as for the contract's own methods.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use offshoot_contract::{
    Args, ArgsOf, CallContext, CallFailure, Class, Contract, ContractError, Invoke, Method, MethodSpec, NoBody, Verb,
};
use offshoot_rest::{Client, Surface};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::{EventPage, EventSource, Head, ReadRequest};

/// Timeout of one read. Longer than the long poll of a head request.
const TIMEOUT: Duration = Duration::from_secs(25);

/// Why reading events failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum FeedError {
    /// The call failed; the log itself has no errors of its own.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// `GET /modules/<name>/v<major>/events`: a page of one partition.
#[derive(Debug)]
pub struct ReadEvents<A: ?Sized>(PhantomData<fn() -> Box<A>>);

/// `GET /modules/<name>/v<major>/events/head`: the head of the log, as soon as it is beyond a position (long poll).
#[derive(Debug)]
pub struct ReadHead<A: ?Sized>(PhantomData<fn() -> Box<A>>);

/// Query parameters of [`ReadEvents`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadParams {
    /// `<calling module>/<subscription>`, 1 to 100 bytes.
    pub reader: String,
    /// The last position that the reader has handled; 0 before the first event.
    pub after: i64,
    /// The partition, 0 to `partitions - 1`.
    pub partition: i32,
    /// Number of partitions: a power of two, at most 64.
    pub partitions: i32,
    /// Maximum number of events.
    pub limit: u32,
}

/// Query parameters of [`ReadHead`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadParams {
    /// The last position known to the reader; below 0 for an immediate answer.
    pub beyond: i64,
}

/// The two methods are not part of the contract, so they have no index among its methods.
const fn spec<A: Contract + ?Sized>(name: &'static str, path: &'static str, doc: &'static str) -> MethodSpec {
    MethodSpec {
        index: usize::MAX,
        module: A::NAME,
        major: A::VERSION.major,
        name,
        doc,
        verb: Verb::Get,
        path,
        class: Class::Safe,
        key: None,
        stale_ok: false,
        max_bytes: 0,
        timeout: TIMEOUT,
        has_body: false,
    }
}

/// The log answers the two methods, never an implementation of the contract.
fn no_implementation<'a, T>() -> BoxFuture<'a, Result<T, FeedError>> {
    let why = CallFailure::internal("events are read from the log, not from an implementation of the contract");
    Box::pin(async move { Err(why.into()) })
}

impl<A: Contract + ?Sized> Method for ReadEvents<A> {
    type Api = A;
    type Params = ReadParams;
    type Body = NoBody;
    type Answer = EventPage;
    type Error = FeedError;

    const SPEC: MethodSpec = spec::<A>("read_events", "/events", "A page of the module's published events.");

    fn key(_: &ArgsOf<Self>) -> Option<String> {
        None
    }

    fn call<'a>(_: &'a A, _: &'a mut CallContext, _: ArgsOf<Self>) -> BoxFuture<'a, Result<EventPage, FeedError>> {
        no_implementation()
    }
}

impl<A: Contract + ?Sized> Method for ReadHead<A> {
    type Api = A;
    type Params = HeadParams;
    type Body = NoBody;
    type Answer = Head;
    type Error = FeedError;

    const SPEC: MethodSpec = spec::<A>("read_head", "/events/head", "The head of the module's log.");

    fn key(_: &ArgsOf<Self>) -> Option<String> {
        None
    }

    fn call<'a>(_: &'a A, _: &'a mut CallContext, _: ArgsOf<Self>) -> BoxFuture<'a, Result<Head, FeedError>> {
        no_implementation()
    }
}

/// Adds the log to the surface of a module. The callers allowed by the contract may read the log.
#[must_use]
pub fn serve_events<A: Contract + ?Sized>(surface: Surface, source: Arc<dyn EventSource>) -> Surface {
    let pages = Arc::clone(&source);
    surface
        .with_chassis_method::<ReadEvents<A>>(move |cx, args| {
            let source = Arc::clone(&pages);
            Box::pin(async move { Ok(source.read(&read_request(cx.caller(), args.params)?).await?) })
        })
        .with_chassis_method::<ReadHead<A>>(move |_, args| {
            let source = Arc::clone(&source);
            Box::pin(async move { Ok(source.head(args.params.beyond).await?) })
        })
}

fn read_request(caller: &str, params: ReadParams) -> Result<ReadRequest, CallFailure> {
    let ReadParams {
        reader,
        after,
        partition,
        partitions,
        limit,
    } = params;
    let divides =
        (1..=64).contains(&partitions) && partitions.count_ones() == 1 && (0..partitions).contains(&partition);
    if !divides || reader.is_empty() || reader.len() > 100 || after < 0 {
        let why = "`partitions` must be a power of two up to 64, `partition` below `partitions`, `after` at least 0, \
                   and `reader` 1 to 100 bytes long";
        return Err(CallFailure::refused(422, "bad-request", why));
    }
    // Retention keeps events until their readers have handled them: no module may report progress for another module.
    if reader.split_once('/').is_none_or(|(module, _)| module != caller) {
        let why = format!("`{reader}` is not a valid reader for {caller}: use `{caller}/<subscription>`");
        return Err(CallFailure::refused(422, "bad-request", why));
    }
    Ok(ReadRequest {
        reader,
        after,
        partition,
        partitions,
        limit,
    })
}

/// The log of a module that runs in other processes.
pub struct HttpSource<A: Contract + ?Sized> {
    client: Arc<Client<A>>,
    reader: &'static str,
}

impl<A: Contract + ?Sized> HttpSource<A> {
    /// Reads the log behind `client` as the module `reader`, which the contract must list among its callers.
    #[must_use]
    pub fn new(client: Arc<Client<A>>, reader: &'static str) -> Arc<Self> {
        Arc::new(Self { client, reader })
    }

    fn context(&self) -> CallContext {
        CallContext::root(self.reader).with_timeout(TIMEOUT)
    }
}

#[async_trait]
impl<A: Contract + ?Sized> EventSource for HttpSource<A> {
    fn module(&self) -> &'static str {
        A::NAME
    }

    async fn head(&self, beyond: i64) -> Result<Head, CallFailure> {
        let args = Args {
            params: HeadParams { beyond },
            body: NoBody {},
        };
        let head = self.client.invoke::<ReadHead<A>>(&mut self.context(), args).await;
        head.map_err(failure)
    }

    async fn read(&self, request: &ReadRequest) -> Result<EventPage, CallFailure> {
        let params = ReadParams {
            reader: request.reader.clone(),
            after: request.after,
            partition: request.partition,
            partitions: request.partitions,
            limit: request.limit,
        };
        let args = Args {
            params,
            body: NoBody {},
        };
        let page = self.client.invoke::<ReadEvents<A>>(&mut self.context(), args).await;
        page.map_err(failure)
    }
}

fn failure(error: FeedError) -> CallFailure {
    match error {
        FeedError::Call(failure) => failure,
    }
}
