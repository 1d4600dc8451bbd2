//! Reads a module's log from another process over HTTP, and serves a log to other processes.
//!
//! The reads go through the client of the module's contract: allowed callers, the expected store, several addresses and
//! retries work as for the contract's own methods.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::{
    Args, CallContext, CallFailure, Class, Contract, ContractError, MethodSpec, NoBody, Verb, WireMethod,
};
use offshoot_rest::{Client, ModuleClient, Surface};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::FEED_TIMEOUT;
use crate::source::{EventPage, EventSource, Head, ReadRequest};

/// Why reading events failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
enum FeedError {
    /// The call failed; the log itself has no errors of its own.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// A page of one partition.
#[derive(Debug)]
struct ReadEvents;

/// The head of the log, as soon as the head is beyond a position (long poll).
#[derive(Debug)]
struct ReadHead;

impl WireMethod for ReadEvents {
    type Params = ReadParams;
    type Body = NoBody;
    type Answer = EventPage;
    type Error = FeedError;
}

impl WireMethod for ReadHead {
    type Params = HeadParams;
    type Body = NoBody;
    type Answer = Head;
    type Error = FeedError;
}

/// `GET /modules/<name>/v<major>/events`.
const fn read_events<A: Contract + ?Sized>() -> &'static MethodSpec {
    const { &spec::<A>("read_events", "/events", "A page of the module's published events.") }
}

/// `GET /modules/<name>/v<major>/events/head`.
const fn read_head<A: Contract + ?Sized>() -> &'static MethodSpec {
    const { &spec::<A>("read_head", "/events/head", "The head of the module's log.") }
}

/// Query parameters of [`ReadEvents`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadParams {
    /// `<calling module>/<subscription>`, 1 to 100 bytes.
    reader: String,
    /// The last position that the reader has handled; 0 before the first event.
    after: i64,
    /// The partition, 0 to `partitions - 1`.
    partition: i32,
    /// Number of partitions: a power of two, at most 64.
    partitions: i32,
    /// Maximum number of events.
    limit: u32,
}

/// Query parameters of [`ReadHead`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HeadParams {
    /// The last position known to the reader; below 0 for an immediate answer.
    beyond: i64,
}

const fn spec<A: Contract + ?Sized>(name: &'static str, path: &'static str, doc: &'static str) -> MethodSpec {
    MethodSpec {
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
        timeout: FEED_TIMEOUT,
        has_body: false,
    }
}

/// Adds the log to the surface of a module. The callers allowed by the contract may read the log.
#[must_use]
pub fn serve_events<A: Contract + ?Sized>(surface: Surface, source: Arc<dyn EventSource>) -> Surface {
    let pages = Arc::clone(&source);
    surface
        .with_chassis_method::<ReadEvents>(read_events::<A>(), move |cx, args| {
            let source = Arc::clone(&pages);
            Box::pin(async move { Ok(source.read(&read_request(cx.caller(), args.params)?).await?) })
        })
        .with_chassis_method::<ReadHead>(read_head::<A>(), move |_, args| {
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

/// A module's log, read over HTTP from the processes that run the module.
pub struct HttpSource {
    client: Arc<ModuleClient>,
    read_events: &'static MethodSpec,
    read_head: &'static MethodSpec,
    reader: &'static str,
}

impl HttpSource {
    /// Reads the log behind `client` as the module `reader`, which the contract must list among its callers.
    #[must_use]
    pub fn new<A: Contract + ?Sized>(client: &Client<A>, reader: &'static str) -> Arc<Self> {
        Arc::new(Self {
            client: Arc::clone(client.module()),
            read_events: read_events::<A>(),
            read_head: read_head::<A>(),
            reader,
        })
    }

    async fn call<M: WireMethod<Body = NoBody, Error = FeedError>>(
        &self,
        spec: &'static MethodSpec,
        params: M::Params,
    ) -> Result<M::Answer, CallFailure> {
        let mut cx = CallContext::root(self.reader).with_timeout(FEED_TIMEOUT);
        let body = NoBody {};
        let result = self
            .client
            .call_chassis_method::<M>(spec, &mut cx, &Args { params, body })
            .await;
        result.map_err(|FeedError::Call(failure)| failure)
    }
}

#[async_trait]
impl EventSource for HttpSource {
    fn module(&self) -> &'static str {
        self.client.name()
    }

    async fn head(&self, beyond: i64) -> Result<Head, CallFailure> {
        self.call::<ReadHead>(self.read_head, HeadParams { beyond }).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<EventPage, CallFailure> {
        let params = ReadParams {
            reader: request.reader.clone(),
            after: request.after,
            partition: request.partition,
            partitions: request.partitions,
            limit: request.limit,
        };
        self.call::<ReadEvents>(self.read_events, params).await
    }
}
