//! One operation of the public API: route, parameters, responses and documentation. Knows no particular operation.

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use offshoot_contract::{Contract, Contracts};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::PublicApi;

/// One verb on one path.
pub(super) struct Operation {
    /// Lower case, as in OpenAPI.
    pub(super) verb: &'static str,
    /// Below `/api/v1`.
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) ids: Vec<(&'static str, SchemaOf)>,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<Body>,
    pub(super) answer: Answer,
    pub(super) callees: Vec<Callee>,
    /// Whether an operator's token is required.
    pub(super) for_operators: bool,
    /// Statuses of problems, beside those of every request.
    pub(super) failures: Vec<u16>,
    pub(super) handler: MethodRouter<PublicApi>,
}

/// A module that an operation calls.
#[derive(Clone, Copy)]
pub(super) struct Callee {
    pub(super) name: &'static str,
    /// Copies the module's contract, if the module is not off.
    copy: fn(&Contracts, &mut Contracts),
}

/// Generates the schema of a type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

pub(super) struct Body {
    pub(super) schema: SchemaOf,
    pub(super) required: bool,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) schema: SchemaOf,
}

/// Statuses of problems of every request with a body.
const BODY_FAILURES: [u16; 4] = [400, 413, 415, 422];

impl Operation {
    pub(super) fn get<H: Handler<T, PublicApi>, T: 'static>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new("get", path, summary, on(MethodFilter::GET, handler))
    }

    pub(super) fn post<H: Handler<T, PublicApi>, T: 'static>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new("post", path, summary, on(MethodFilter::POST, handler))
    }

    pub(super) fn put<H: Handler<T, PublicApi>, T: 'static>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new("put", path, summary, on(MethodFilter::PUT, handler))
    }

    pub(super) fn delete<H: Handler<T, PublicApi>, T: 'static>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new("delete", path, summary, on(MethodFilter::DELETE, handler))
    }

    fn new(verb: &'static str, path: &'static str, summary: &'static str, handler: MethodRouter<PublicApi>) -> Self {
        Self {
            verb,
            path,
            summary,
            ids: Vec::new(),
            query: None,
            body: None,
            answer: Answer {
                status: 200,
                schema: SchemaGenerator::subschema_for::<()>,
            },
            callees: Vec::new(),
            for_operators: false,
            failures: Vec::new(),
            handler,
        }
    }

    /// Names a contract that the handler calls. The handler gets no others.
    pub(super) fn calls<A: Contract + ?Sized>(mut self) -> Self {
        let copy = |from: &Contracts, to: &mut Contracts| {
            if let Some(api) = from.get::<A>() {
                to.insert(api.clone());
            }
        };
        self.callees.push(Callee { name: A::NAME, copy });
        self
    }

    /// The handler with the contracts of its callees.
    pub(super) fn serve(self, api: &PublicApi) -> MethodRouter {
        let mut contracts = Contracts::default();
        for callee in &self.callees {
            (callee.copy)(&api.contracts, &mut contracts);
        }
        self.handler.with_state(PublicApi {
            contracts,
            ..api.clone()
        })
    }

    pub(super) fn for_operators(mut self) -> Self {
        self.for_operators = true;
        self.fails(&[401])
    }

    pub(super) fn id<T: JsonSchema>(mut self, name: &'static str) -> Self {
        self.ids.push((name, SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Adds query parameters. The schema is inlined instead of referenced, because each property becomes a parameter.
    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    pub(super) fn body<T: JsonSchema>(self) -> Self {
        self.with_body(SchemaGenerator::subschema_for::<T>, true)
    }

    pub(super) fn optional_body<T: JsonSchema>(self) -> Self {
        self.with_body(SchemaGenerator::subschema_for::<T>, false)
    }

    fn with_body(mut self, schema: SchemaOf, required: bool) -> Self {
        self.body = Some(Body { schema, required });
        self.fails(&BODY_FAILURES)
    }

    pub(super) fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.answer = Answer {
            status,
            schema: SchemaGenerator::subschema_for::<T>,
        };
        self
    }

    pub(super) fn fails(mut self, statuses: &[u16]) -> Self {
        self.failures.extend(statuses);
        self
    }
}
