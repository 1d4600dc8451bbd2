//! One operation of the public API: route, parameters, responses and documentation. Knows no particular operation.

use std::sync::Arc;

use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use offshoot_contract::{Class, Contract, Contracts, ErrorDescription, Method};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::PublicApi;
use super::audience::{self, Audience, Guard};
use super::problems::{INVALID_ID, INVALID_QUERY, RequestProblem, errors_of};

/// One verb on one path.
pub(super) struct Operation {
    /// Name of the function in generated clients.
    pub(super) id: &'static str,
    /// Group of operations in generated clients.
    pub(super) tag: &'static str,
    /// Lower case, as in OpenAPI.
    pub(super) verb: &'static str,
    /// Below `/api/v1`.
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) ids: Vec<(&'static str, SchemaOf)>,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<Body>,
    /// Schema of the body of a success.
    pub(super) answer: SchemaOf,
    pub(super) successes: Vec<Success>,
    pub(super) callees: Vec<Callee>,
    /// Whether a request may have an idempotency key.
    pub(super) has_effect: bool,
    /// Who may call the operation.
    pub(super) audience: Audience,
    /// Refusals of the public API itself.
    pub(super) refusals: Vec<RequestProblem>,
    /// Errors of the called methods.
    pub(super) errors: Vec<ErrorsOf>,
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

/// A status of a success.
pub(super) struct Success {
    pub(super) status: u16,
    pub(super) description: &'static str,
    /// Whether the header `Location` has the path of the resource.
    pub(super) has_location: bool,
}

/// Describes the errors of a method.
pub(super) type ErrorsOf = fn() -> Vec<ErrorDescription>;

impl Operation {
    pub(super) fn get<H: Handler<T, PublicApi>, T: 'static>(
        audience: Audience,
        id: &'static str,
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new("get", audience, id, path, summary, on(MethodFilter::GET, handler))
    }

    pub(super) fn post<H: Handler<T, PublicApi>, T: 'static>(
        audience: Audience,
        id: &'static str,
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new("post", audience, id, path, summary, on(MethodFilter::POST, handler))
    }

    pub(super) fn put<H: Handler<T, PublicApi>, T: 'static>(
        audience: Audience,
        id: &'static str,
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new("put", audience, id, path, summary, on(MethodFilter::PUT, handler))
    }

    pub(super) fn delete<H: Handler<T, PublicApi>, T: 'static>(
        audience: Audience,
        id: &'static str,
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new("delete", audience, id, path, summary, on(MethodFilter::DELETE, handler))
    }

    fn new(
        verb: &'static str,
        audience: Audience,
        id: &'static str,
        path: &'static str,
        summary: &'static str,
        handler: MethodRouter<PublicApi>,
    ) -> Self {
        Self {
            id,
            tag: "",
            verb,
            path,
            summary,
            ids: Vec::new(),
            query: None,
            body: None,
            answer: SchemaGenerator::subschema_for::<()>,
            successes: Vec::new(),
            callees: Vec::new(),
            has_effect: false,
            audience,
            refusals: audience.refusals().to_vec(),
            errors: Vec::new(),
            handler,
        }
    }

    /// Names a method that the handler calls. The handler gets no other contracts, and the document the method's errors.
    pub(super) fn calls<M: Method>(mut self) -> Self {
        let copy = |from: &Contracts, to: &mut Contracts| {
            if let Some(api) = from.get::<M::Api>() {
                to.insert(api.clone());
            }
        };
        let name = <M::Api as Contract>::NAME;
        if !self.callees.iter().any(|callee| callee.name == name) {
            self.callees.push(Callee { name, copy });
        }
        self.has_effect |= M::SPEC.class != Class::Safe;
        self.errors.push(errors_of::<M>);
        self
    }

    /// The handler with the contracts of its callees, for requests of the operation's audience.
    pub(super) fn serve(self, api: &PublicApi) -> MethodRouter {
        let mut contracts = Contracts::default();
        for callee in &self.callees {
            (callee.copy)(&api.contracts, &mut contracts);
        }
        let handler = self.handler.with_state(PublicApi {
            contracts,
            ..api.clone()
        });
        if self.audience == Audience::Anyone && !self.has_effect {
            return handler;
        }
        let guard = Guard {
            audience: self.audience,
            has_effect: self.has_effect,
            api: api.clone(),
        };
        handler.route_layer(from_fn_with_state(Arc::new(guard), audience::admit))
    }

    pub(super) fn tagged(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    pub(super) fn id<T: JsonSchema>(mut self, name: &'static str) -> Self {
        if self.ids.is_empty() {
            self = self.refuses(&[INVALID_ID]);
        }
        self.ids.push((name, SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Adds query parameters. The schema is inlined instead of referenced, because each property becomes a parameter.
    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self.refuses(&[INVALID_QUERY])
    }

    pub(super) fn body<T: JsonSchema>(self) -> Self {
        self.with_body(SchemaGenerator::subschema_for::<T>, true)
    }

    pub(super) fn optional_body<T: JsonSchema>(self) -> Self {
        self.with_body(SchemaGenerator::subschema_for::<T>, false)
    }

    fn with_body(mut self, schema: SchemaOf, required: bool) -> Self {
        self.body = Some(Body { schema, required });
        self.refuses(&RequestProblem::OF_BODIES)
    }

    /// Answers 200.
    pub(super) fn answers<T: JsonSchema>(self) -> Self {
        self.succeeds::<T>(200, "The result.", false)
    }

    /// Answers 201 with the path of the new resource.
    pub(super) fn creates<T: JsonSchema>(self) -> Self {
        self.succeeds::<T>(201, "Created.", true)
    }

    /// Answers also 202 with the path of the resource, whose state the client has to read later.
    pub(super) fn accepts<T: JsonSchema>(self, description: &'static str) -> Self {
        self.succeeds::<T>(202, description, true)
    }

    fn succeeds<T: JsonSchema>(mut self, status: u16, description: &'static str, has_location: bool) -> Self {
        self.answer = SchemaGenerator::subschema_for::<T>;
        self.successes.push(Success {
            status,
            description,
            has_location,
        });
        self
    }

    pub(super) fn refuses(mut self, problems: &[RequestProblem]) -> Self {
        self.refusals.extend(problems);
        self
    }
}
