//! The table of all operations of the public API, from which routes and OpenAPI document are made.

use carts_api::CartId;
use carts_api::v1::{Cart, CartsApi};
use catalog_api::ProductId;
use catalog_api::v1::{CatalogApi, Product};
use inventory_api::v1::InventoryApi;
use notifications_api::v1::{Notice, NotificationsApi};
use offshoot_contract::Page;
use orders_api::OrderId;
use orders_api::v1::{Order, OrdersApi, Revenue};
use reporting_api::v1::{Question, Report, ReportingApi};
use storefront_api::v1::{Listing, StorefrontApi};

use super::operation::Operation;
use super::{admin, carts, notices, orders, products, reports, storefront};

pub(super) fn operations() -> Vec<Operation> {
    [browsing(), carts(), buying(), operating()]
        .into_iter()
        .flatten()
        .collect()
}

/// Products.
fn browsing() -> Vec<Operation> {
    vec![
        Operation::get("/products", "Products that are sold, page by page.", products::list)
            .calls::<dyn CatalogApi>()
            .query::<products::ListQuery>()
            .answers::<Page<Product>>(200)
            .fails(&[422]),
        Operation::get("/products/{id}", "One product, sold or discontinued.", products::one)
            .calls::<dyn CatalogApi>()
            .calls::<dyn InventoryApi>()
            .id::<ProductId>("id")
            .answers::<products::ProductPage>(200)
            .fails(&[404, 422]),
        Operation::get(
            "/products/{id}/stock",
            "How many of a product there are.",
            products::stock,
        )
        .calls::<dyn CatalogApi>()
        .calls::<dyn InventoryApi>()
        .id::<ProductId>("id")
        .answers::<products::StockLevel>(200)
        .fails(&[404, 422]),
        Operation::get(
            "/storefront/products",
            "Products that are sold beside what can be had of them, page by page, and how old that is.",
            storefront::list,
        )
        .calls::<dyn StorefrontApi>()
        .query::<storefront::ListQuery>()
        .answers::<storefront::Listings>(200)
        .fails(&[422]),
        Operation::get(
            "/storefront/products/{id}",
            "One product beside what can be had of it.",
            storefront::one,
        )
        .calls::<dyn StorefrontApi>()
        .id::<ProductId>("id")
        .answers::<Listing>(200)
        .fails(&[404, 422]),
    ]
}

/// Carts.
fn carts() -> Vec<Operation> {
    vec![
        Operation::post("/carts", "A new, empty cart.", carts::create)
            .calls::<dyn CartsApi>()
            .optional_body::<carts::NewCart>()
            .answers::<Cart>(201),
        Operation::get("/carts/{id}", "A cart with the prices of this moment.", carts::one)
            .calls::<dyn CartsApi>()
            .id::<CartId>("id")
            .answers::<Cart>(200)
            .fails(&[404, 410, 422]),
        Operation::put(
            "/carts/{id}/lines",
            "Puts these lines into the cart in place of those it has.",
            carts::set_lines,
        )
        .calls::<dyn CartsApi>()
        .id::<CartId>("id")
        .body::<carts::Lines>()
        .answers::<Cart>(200)
        .fails(&[404, 409, 410]),
        Operation::put(
            "/carts/{id}/lines/{product_id}",
            "Sets how many of a product the cart holds.",
            carts::set_line,
        )
        .calls::<dyn CartsApi>()
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
        .calls::<dyn CartsApi>()
        .id::<CartId>("id")
        .id::<ProductId>("product_id")
        .answers::<Cart>(200)
        .fails(&[404, 410, 422]),
    ]
}

/// Orders.
fn buying() -> Vec<Operation> {
    vec![
        Operation::post(
            "/carts/{id}/checkout",
            "Buys what is in a cart: 201 once it is confirmed, 202 while it is pending.",
            orders::checkout,
        )
        .calls::<dyn OrdersApi>()
        .id::<CartId>("id")
        .body::<orders::Checkout>()
        .answers::<Order>(201)
        .fails(&[402, 404, 409, 410]),
        Operation::get("/orders/{id}", "One order.", orders::one)
            .calls::<dyn OrdersApi>()
            .id::<OrderId>("id")
            .answers::<Order>(200)
            .fails(&[404, 422]),
        Operation::get(
            "/orders/{id}/notices",
            "What the customer was told of an order, page by page.",
            notices::of_order,
        )
        .calls::<dyn NotificationsApi>()
        .id::<OrderId>("id")
        .query::<notices::ListQuery>()
        .answers::<Page<Notice>>(200)
        .fails(&[422]),
        Operation::post(
            "/orders/{id}/cancel",
            "Takes an order back: what was paid is given back.",
            orders::cancel,
        )
        .calls::<dyn OrdersApi>()
        .id::<OrderId>("id")
        .answers::<Order>(200)
        .fails(&[404, 409, 422]),
        Operation::post(
            "/orders/{id}/returns",
            "Sends some of the goods back.",
            orders::send_back,
        )
        .calls::<dyn OrdersApi>()
        .id::<OrderId>("id")
        .body::<orders::Goods>()
        .answers::<Order>(200)
        .fails(&[404, 409]),
    ]
}

/// Operators.
fn operating() -> Vec<Operation> {
    vec![
        Operation::get(
            "/reports/revenue",
            "Orders and sales less what was given back, by month or country.",
            reports::revenue,
        )
        .calls::<dyn OrdersApi>()
        .query::<reports::Division>()
        .answers::<Revenue>(200)
        .fails(&[422]),
        Operation::post("/reports/query", "What was sold, in any division.", reports::query)
            .calls::<dyn ReportingApi>()
            .body::<Question>()
            .answers::<Report>(200),
        Operation::post("/admin/products", "Adds a product for sale.", admin::add_product)
            .calls::<dyn CatalogApi>()
            .for_operators()
            .body::<admin::ProductToAdd>()
            .answers::<Product>(201)
            .fails(&[409]),
        Operation::put(
            "/admin/products/{id}/price",
            "Sets a price from now on.",
            admin::set_price,
        )
        .calls::<dyn CatalogApi>()
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
        .calls::<dyn CatalogApi>()
        .calls::<dyn InventoryApi>()
        .for_operators()
        .id::<ProductId>("id")
        .body::<admin::StockAdjustment>()
        .answers::<products::StockLevel>(200)
        .fails(&[404, 409]),
    ]
}
