//! Every operation of the public API, in one table. The routes and the OpenAPI document are both made from it.

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use carts_api::CartId;
use carts_api::v1::Cart;
use catalog_api::ProductId;
use catalog_api::v1::Product;
use offshoot_contract::Page;
use orders_api::OrderId;
use orders_api::v1::{Order, Revenue};

use super::{PublicApi, admin, carts, orders, products, reports};

pub(super) fn operations() -> Vec<Operation> {
    [browsing(), carts(), buying(), operating()]
        .into_iter()
        .flatten()
        .collect()
}

/// What is sold.
fn browsing() -> Vec<Operation> {
    vec![
        Operation::get("/products", "Products that are sold, page by page.", products::list)
            .query::<products::ListQuery>()
            .answers::<Page<Product>>(200)
            .fails(&[422]),
        Operation::get("/products/{id}", "One product, sold or discontinued.", products::one)
            .id::<ProductId>("id")
            .answers::<products::ProductPage>(200)
            .fails(&[404, 422]),
        Operation::get(
            "/products/{id}/stock",
            "How many of a product there are.",
            products::stock,
        )
        .id::<ProductId>("id")
        .answers::<products::StockLevel>(200)
        .fails(&[404, 422]),
    ]
}

/// What somebody intends to buy.
fn carts() -> Vec<Operation> {
    vec![
        Operation::post("/carts", "A new, empty cart.", carts::create)
            .optional_body::<carts::NewCart>()
            .answers::<Cart>(201),
        Operation::get("/carts/{id}", "A cart with the prices of this moment.", carts::one)
            .id::<CartId>("id")
            .answers::<Cart>(200)
            .fails(&[404, 410, 422]),
        Operation::put(
            "/carts/{id}/lines",
            "Puts these lines into the cart in place of those it has.",
            carts::set_lines,
        )
        .id::<CartId>("id")
        .body::<carts::Lines>()
        .answers::<Cart>(200)
        .fails(&[404, 409, 410]),
        Operation::put(
            "/carts/{id}/lines/{product_id}",
            "Sets how many of a product the cart holds.",
            carts::set_line,
        )
        .id::<CartId>("id")
        .id::<ProductId>("product_id")
        .body::<carts::Quantity>()
        .answers::<Cart>(200)
        .fails(&[404, 409, 410]),
        Operation::delete(
            "/carts/{id}/lines/{product_id}",
            "Takes a product out of the cart.",
            carts::remove_line,
        )
        .id::<CartId>("id")
        .id::<ProductId>("product_id")
        .answers::<Cart>(200)
        .fails(&[404, 410, 422]),
    ]
}

/// What is bought, and comes back.
fn buying() -> Vec<Operation> {
    vec![
        Operation::post(
            "/carts/{id}/checkout",
            "Buys what is in a cart: 201 once it is confirmed, 202 while it is pending.",
            orders::checkout,
        )
        .id::<CartId>("id")
        .body::<orders::Checkout>()
        .answers::<Order>(201)
        .fails(&[402, 404, 409, 410]),
        Operation::get("/orders/{id}", "One order.", orders::one)
            .id::<OrderId>("id")
            .answers::<Order>(200)
            .fails(&[404, 422]),
        Operation::post(
            "/orders/{id}/cancel",
            "Takes an order back: what was paid is given back.",
            orders::cancel,
        )
        .id::<OrderId>("id")
        .answers::<Order>(200)
        .fails(&[404, 409, 422]),
        Operation::post(
            "/orders/{id}/returns",
            "Sends some of the goods back.",
            orders::send_back,
        )
        .id::<OrderId>("id")
        .body::<orders::Goods>()
        .answers::<Order>(200)
        .fails(&[404, 409]),
    ]
}

/// What operators do.
fn operating() -> Vec<Operation> {
    vec![
        Operation::get(
            "/reports/revenue",
            "Orders and sales less what was given back, by month or country.",
            reports::revenue,
        )
        .query::<reports::Division>()
        .answers::<Revenue>(200)
        .fails(&[422]),
        Operation::post("/admin/products", "Adds a product for sale.", admin::add_product)
            .for_operators()
            .body::<admin::ProductToAdd>()
            .answers::<Product>(201)
            .fails(&[409]),
        Operation::put(
            "/admin/products/{id}/price",
            "Sets a price from now on.",
            admin::set_price,
        )
        .for_operators()
        .id::<ProductId>("id")
        .body::<admin::Price>()
        .answers::<Product>(200)
        .fails(&[404]),
        Operation::post(
            "/admin/products/{id}/stock-adjustments",
            "Counts goods that came or went otherwise than by an order.",
            admin::adjust_stock,
        )
        .for_operators()
        .id::<ProductId>("id")
        .body::<admin::StockAdjustment>()
        .answers::<products::StockLevel>(200)
        .fails(&[404, 409]),
    ]
}

/// One verb on one path.
pub(super) struct Operation {
    /// Lower case, as OpenAPI has it.
    pub(super) verb: &'static str,
    /// Below `/api/v1`.
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) ids: Vec<(&'static str, SchemaOf)>,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<Body>,
    pub(super) answer: Answer,
    /// Needs an operator's token.
    pub(super) for_operators: bool,
    /// Statuses of problems beside those that any request may meet.
    pub(super) failures: Vec<u16>,
    pub(super) handler: MethodRouter<PublicApi>,
}

/// Makes the schema of a type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

pub(super) struct Body {
    pub(super) schema: SchemaOf,
    pub(super) required: bool,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) schema: SchemaOf,
}

/// Statuses that every body may be refused with.
const BODY_FAILURES: [u16; 4] = [400, 413, 415, 422];

impl Operation {
    fn get<H: Handler<T, PublicApi>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
        Self::new("get", path, summary, on(MethodFilter::GET, handler))
    }

    fn post<H: Handler<T, PublicApi>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
        Self::new("post", path, summary, on(MethodFilter::POST, handler))
    }

    fn put<H: Handler<T, PublicApi>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
        Self::new("put", path, summary, on(MethodFilter::PUT, handler))
    }

    fn delete<H: Handler<T, PublicApi>, T: 'static>(path: &'static str, summary: &'static str, handler: H) -> Self {
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
            for_operators: false,
            failures: Vec::new(),
            handler,
        }
    }

    fn for_operators(mut self) -> Self {
        self.for_operators = true;
        self.fails(&[401])
    }

    fn id<T: JsonSchema>(mut self, name: &'static str) -> Self {
        self.ids.push((name, SchemaGenerator::subschema_for::<T>));
        self
    }

    /// Its own schema and not a reference, because each property becomes a parameter.
    fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    fn body<T: JsonSchema>(self) -> Self {
        self.with_body(SchemaGenerator::subschema_for::<T>, true)
    }

    fn optional_body<T: JsonSchema>(self) -> Self {
        self.with_body(SchemaGenerator::subschema_for::<T>, false)
    }

    fn with_body(mut self, schema: SchemaOf, required: bool) -> Self {
        self.body = Some(Body { schema, required });
        self.fails(&BODY_FAILURES)
    }

    fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.answer = Answer {
            status,
            schema: SchemaGenerator::subschema_for::<T>,
        };
        self
    }

    fn fails(mut self, statuses: &[u16]) -> Self {
        self.failures.extend(statuses);
        self
    }
}
