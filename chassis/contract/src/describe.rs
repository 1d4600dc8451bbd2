//! Describes a contract, given as a type. Needs no implementation of the contract.

use std::marker::PhantomData;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema as _, SchemaGenerator};

use crate::description::{ContractDescription, MethodDescription};
use crate::event::EventSet as _;
use crate::method::{Contract, Method, MethodVisitor};
use crate::problem::ContractError as _;

/// Location of named schemas, in descriptions and OpenAPI documents.
const DEFINITIONS: &str = "/components/schemas";

/// Describes a contract.
#[must_use]
pub fn describe<A: Contract + ?Sized>() -> ContractDescription {
    let mut visitor = DescribeVisitor::<A> {
        generator: generator(),
        methods: Vec::new(),
        api: PhantomData,
    };
    A::visit_methods(&mut visitor);
    let events = A::Events::descriptions(&mut visitor.generator);
    let schemas = visitor.generator.take_definitions(true).into_iter().collect();
    let mut description = ContractDescription {
        name: A::NAME.to_owned(),
        version: A::VERSION.to_string(),
        hash: String::new(),
        doc: A::DOC.to_owned(),
        methods: visitor.methods,
        events,
        schemas,
    };
    description.hash = description.shape_hash();
    description
}

/// A generator of schemas with references as in OpenAPI documents.
fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = DEFINITIONS.into();
    settings.meta_schema = None;
    settings.into_generator()
}

struct DescribeVisitor<A: ?Sized> {
    generator: SchemaGenerator,
    methods: Vec<MethodDescription>,
    api: PhantomData<fn() -> Box<A>>,
}

impl<A: Contract + ?Sized> MethodVisitor<A> for DescribeVisitor<A> {
    fn visit_method<M: Method<Api = A>>(&mut self) {
        self.methods.push(describe_method::<M>(&mut self.generator));
    }
}

/// Describes one method; named schemas go into `generator`.
fn describe_method<M: Method>(generator: &mut SchemaGenerator) -> MethodDescription {
    // Each parameter struct belongs to one method only, so the schema is inlined.
    let params = M::Params::json_schema(generator);
    let body = M::SPEC.has_body.then(|| M::Body::json_schema(generator));
    let answer = generator.subschema_for::<M::Answer>();
    MethodDescription::new(M::spec(), params, body, answer, M::Error::descriptions())
}
