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
        Operation::get(
            "/products",
            "Lists the products for sale, page by page.",
            products::list,
        )
        .calls::<dyn CatalogApi>()
        .query::<products::ListQuery>()
        .answers::<Page<Product>>(200)
        .fails(&[422]),
        Operation::get(
            "/products/{id}",
            "Returns one product, for sale or discontinued.",
            products::one,
        )
        .calls::<dyn CatalogApi>()
        .calls::<dyn InventoryApi>()
        .id::<ProductId>("id")
        .answers::<products::ProductPage>(200)
        .fails(&[404, 422]),
        Operation::get(
            "/products/{id}/stock",
            "Returns the stock of a product.",
            products::stock,
        )
        .calls::<dyn CatalogApi>()
        .calls::<dyn InventoryApi>()
        .id::<ProductId>("id")
        .answers::<products::StockLevel>(200)
        .fails(&[404, 422]),
        Operation::get(
            "/storefront/products",
            "Lists the products for sale with their availability, page by page, and the age of these data.",
            storefront::list,
        )
        .calls::<dyn StorefrontApi>()
        .query::<storefront::ListQuery>()
        .answers::<storefront::Listings>(200)
        .fails(&[422]),
        Operation::get(
            "/storefront/products/{id}",
            "Returns one product with its availability.",
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
        Operation::post("/carts", "Creates an empty cart.", carts::create)
            .calls::<dyn CartsApi>()
            .optional_body::<carts::NewCart>()
            .answers::<Cart>(201),
        Operation::get("/carts/{id}", "Returns a cart with current prices.", carts::one)
            .calls::<dyn CartsApi>()
            .id::<CartId>("id")
            .answers::<Cart>(200)
            .fails(&[404, 410, 422]),
        Operation::put("/carts/{id}/lines", "Replaces all lines of a cart.", carts::set_lines)
            .calls::<dyn CartsApi>()
            .id::<CartId>("id")
            .body::<carts::Lines>()
            .answers::<Cart>(200)
            .fails(&[404, 409, 410]),
        Operation::put(
            "/carts/{id}/lines/{product_id}",
            "Sets the quantity of a product in a cart.",
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
            "Removes a product from a cart.",
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
            "Orders the contents of a cart: 201 for a confirmed order, 202 for a pending order.",
            orders::checkout,
        )
        .calls::<dyn OrdersApi>()
        .id::<CartId>("id")
        .body::<orders::Checkout>()
        .answers::<Order>(201)
        .fails(&[402, 404, 409, 410]),
        Operation::get("/orders/{id}", "Returns one order.", orders::one)
            .calls::<dyn OrdersApi>()
            .id::<OrderId>("id")
            .answers::<Order>(200)
            .fails(&[404, 422]),
        Operation::get(
            "/orders/{id}/notices",
            "Lists the notices sent to the customer of an order, page by page.",
            notices::of_order,
        )
        .calls::<dyn NotificationsApi>()
        .id::<OrderId>("id")
        .query::<notices::ListQuery>()
        .answers::<Page<Notice>>(200)
        .fails(&[422]),
        Operation::post(
            "/orders/{id}/cancel",
            "Cancels an order and refunds the payment.",
            orders::cancel,
        )
        .calls::<dyn OrdersApi>()
        .id::<OrderId>("id")
        .answers::<Order>(200)
        .fails(&[404, 409, 422]),
        Operation::post(
            "/orders/{id}/returns",
            "Returns units of an order and refunds them.",
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
            "Reports the revenue of orders and imported sales less refunds, by month or country.",
            reports::revenue,
        )
        .calls::<dyn OrdersApi>()
        .for_operators()
        .query::<reports::Division>()
        .answers::<Revenue>(200)
        .fails(&[422]),
        Operation::post(
            "/reports/query",
            "Reports sales, grouped and filtered by the body.",
            reports::query,
        )
        .calls::<dyn ReportingApi>()
        .for_operators()
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
            "Sets the price of a product.",
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
            "Records stock that arrived or left without an order.",
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
