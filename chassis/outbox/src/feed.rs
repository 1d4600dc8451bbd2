//! A log in another process: read over HTTP with the client of the module's contract, so that who may read, which store is
//! meant, several addresses and everything else of a call is as it is for the contract's own methods.

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

use crate::source::{Ask, EventPage, EventSource, Head};

/// How long one answer may take: longer than a head is held back.
const TIMEOUT: Duration = Duration::from_secs(25);

/// Reading events fails as any call may.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum FeedError {
    /// Not the log's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// `GET /modules/<name>/v<major>/events`: a page of one partition.
#[derive(Debug)]
pub struct ReadEvents<A: ?Sized>(PhantomData<fn() -> Box<A>>);

/// `GET /modules/<name>/v<major>/events/head`: the state of the log, as soon as it is beyond a position.
#[derive(Debug)]
pub struct HeadOfEvents<A: ?Sized>(PhantomData<fn() -> Box<A>>);

/// What [`ReadEvents`] takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadParams {
    /// Who reads: the calling module, `/`, and its subscription.
    pub reader: String,
    /// Everything up to here is handled.
    pub after: i64,
    /// The partition.
    pub partition: i32,
    /// Of so many.
    pub of: i32,
    /// At most so many events.
    pub limit: u32,
}

/// What [`HeadOfEvents`] takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadParams {
    /// The last position that is known.
    pub beyond: i64,
}

/// Neither is a method of the contract, so neither has a place among its methods.
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

/// They are answered by a log and not by an implementation of the contract.
fn no_implementation<'a, T>() -> BoxFuture<'a, Result<T, FeedError>> {
    let why = CallFailure::internal("events are read from the log, not from the module");
    Box::pin(async move { Err(why.into()) })
}

impl<A: Contract + ?Sized> Method for ReadEvents<A> {
    type Api = A;
    type Params = ReadParams;
    type Body = NoBody;
    type Answer = EventPage;
    type Error = FeedError;

    const SPEC: MethodSpec = spec::<A>("read_events", "/events", "A page of what the module has announced.");

    fn key(_: &ArgsOf<Self>) -> Option<String> {
        None
    }

    fn call<'a>(_: &'a A, _: &'a mut CallContext, _: ArgsOf<Self>) -> BoxFuture<'a, Result<EventPage, FeedError>> {
        no_implementation()
    }
}

impl<A: Contract + ?Sized> Method for HeadOfEvents<A> {
    type Api = A;
    type Params = HeadParams;
    type Body = NoBody;
    type Answer = Head;
    type Error = FeedError;

    const SPEC: MethodSpec = spec::<A>("head_of_events", "/events/head", "How far the module's log has come.");

    fn key(_: &ArgsOf<Self>) -> Option<String> {
        None
    }

    fn call<'a>(_: &'a A, _: &'a mut CallContext, _: ArgsOf<Self>) -> BoxFuture<'a, Result<Head, FeedError>> {
        no_implementation()
    }
}

/// Adds the log to the surface of a module, for those who may call the contract.
#[must_use]
pub fn serve_events<A: Contract + ?Sized>(surface: Surface, source: Arc<dyn EventSource>) -> Surface {
    let pages = Arc::clone(&source);
    surface
        .answering::<ReadEvents<A>>(move |cx, args| {
            let source = Arc::clone(&pages);
            Box::pin(async move { Ok(source.read(&ask(cx.caller(), args.params)?).await?) })
        })
        .answering::<HeadOfEvents<A>>(move |_, args| {
            let source = Arc::clone(&source);
            Box::pin(async move { Ok(source.head(args.params.beyond).await?) })
        })
}

fn ask(caller: &str, params: ReadParams) -> Result<Ask, CallFailure> {
    let ReadParams {
        reader,
        after,
        partition,
        of,
        limit,
    } = params;
    let divides = (1..=64).contains(&of) && of.count_ones() == 1 && (0..of).contains(&partition);
    if !divides || reader.is_empty() || reader.len() > 100 || after < 0 {
        let why = "`of` is a power of two up to 64, `partition` is below it, `after` is not below 0, and `reader` has 1 to 100 bytes";
        return Err(CallFailure::refused(422, "bad-request", why));
    }
    // What others have yet to read is not theirs to let go.
    if reader.split_once('/').is_none_or(|(module, _)| module != caller) {
        let why = format!("{caller} reads as `{caller}/<subscription>`, and not as `{reader}`");
        return Err(CallFailure::refused(422, "bad-request", why));
    }
    Ok(Ask {
        reader,
        after,
        partition,
        of,
        limit,
    })
}

/// A module's log in other processes.
pub struct HttpSource<A: Contract + ?Sized> {
    client: Arc<Client<A>>,
    reader: &'static str,
}

impl<A: Contract + ?Sized> HttpSource<A> {
    /// The log behind this client, as `reader`, a module that the contract lets in.
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
        let head = self.client.invoke::<HeadOfEvents<A>>(&mut self.context(), args).await;
        head.map_err(failure)
    }

    async fn read(&self, ask: &Ask) -> Result<EventPage, CallFailure> {
        let params = ReadParams {
            reader: ask.reader.clone(),
            after: ask.after,
            partition: ask.partition,
            of: ask.of,
            limit: ask.limit,
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
