//! The table of all operations of the public API, from which routes and OpenAPI document are made.

use carts_api::CartId;
use carts_api::v1::{Cart, carts_api_methods};
use catalog_api::ProductId;
use catalog_api::v1::{Product, catalog_api_methods};
use inventory_api::v1::inventory_api_methods;
use notifications_api::v1::{Notice, notifications_api_methods};
use offshoot_contract::Page;
use orders_api::OrderId;
use orders_api::v1::{Order, Revenue, orders_api_methods};
use reporting_api::v1::{Question, Report, reporting_api_methods};
use storefront_api::v1::{Listing, storefront_api_methods};

use super::audience::Audience;
use super::operation::Operation;
use super::problems::CART_TOO_LARGE;
use super::{admin, carts, notices, orders, products, reports, storefront};

/// Groups of operations, with descriptions.
pub(super) const TAGS: [(&str, &str); 6] = [
    ("products", "Products and stock, from the modules that decide on them."),
    ("storefront", "Products with availability, a few seconds old."),
    ("carts", "Carts of shoppers."),
    ("orders", "Orders: checkout, cancellation, returns and notices."),
    ("reports", "Revenue and sales."),
    ("admin", "Changes by operators."),
];

pub(super) fn operations() -> Vec<Operation> {
    let groups = [products(), storefront(), carts(), orders(), reports(), admin()];
    let tags = TAGS.map(|(tag, _)| tag);
    let tagged =
        |(tag, group): (&'static str, Vec<Operation>)| group.into_iter().map(move |operation| operation.tagged(tag));
    tags.into_iter().zip(groups).flat_map(tagged).collect()
}

fn products() -> Vec<Operation> {
    vec![
        Operation::get(
            Audience::Anyone,
            "list_products",
            "/products",
            "Lists the products for sale, page by page.",
            products::list,
        )
        .calls::<catalog_api_methods::BrowseMethod>()
        .query::<products::ListQuery>()
        .answers::<Page<Product>>(),
        Operation::get(
            Audience::Anyone,
            "get_product",
            "/products/{id}",
            "Returns one product, for sale or discontinued.",
            products::one,
        )
        .calls::<catalog_api_methods::ProductMethod>()
        .calls::<inventory_api_methods::StockMethod>()
        .id::<ProductId>("id")
        .answers::<products::ProductPage>(),
        Operation::get(
            Audience::Anyone,
            "get_stock",
            "/products/{id}/stock",
            "Returns the stock of a product.",
            products::stock,
        )
        .calls::<catalog_api_methods::ProductMethod>()
        .calls::<inventory_api_methods::StockMethod>()
        .id::<ProductId>("id")
        .answers::<products::StockLevel>(),
    ]
}

fn storefront() -> Vec<Operation> {
    vec![
        Operation::get(
            Audience::Anyone,
            "list_listings",
            "/storefront/products",
            "Lists the products for sale with their availability, page by page, and the age of these data.",
            storefront::list,
        )
        .calls::<storefront_api_methods::FreshnessMethod>()
        .calls::<storefront_api_methods::BrowseMethod>()
        .query::<storefront::ListQuery>()
        .answers::<storefront::Listings>(),
        Operation::get(
            Audience::Anyone,
            "get_listing",
            "/storefront/products/{id}",
            "Returns one product with its availability.",
            storefront::one,
        )
        .calls::<storefront_api_methods::ListingMethod>()
        .id::<ProductId>("id")
        .answers::<Listing>(),
    ]
}

fn carts() -> Vec<Operation> {
    vec![
        Operation::post(
            Audience::Anyone,
            "create_cart",
            "/carts",
            "Creates an empty cart.",
            carts::create,
        )
        .calls::<carts_api_methods::CreateMethod>()
        .optional_body::<carts::NewCart>()
        .creates::<Cart>(),
        Operation::get(
            Audience::Anyone,
            "get_cart",
            "/carts/{id}",
            "Returns a cart with current prices.",
            carts::one,
        )
        .calls::<carts_api_methods::CartMethod>()
        .id::<CartId>("id")
        .answers::<Cart>()
        .refuses(&[CART_TOO_LARGE]),
        Operation::put(
            Audience::Anyone,
            "set_cart_lines",
            "/carts/{id}/lines",
            "Replaces all lines of a cart.",
            carts::set_lines,
        )
        .calls::<carts_api_methods::SetLinesMethod>()
        .calls::<carts_api_methods::CartMethod>()
        .id::<CartId>("id")
        .body::<carts::Lines>()
        .answers::<Cart>()
        .refuses(&[CART_TOO_LARGE]),
        Operation::put(
            Audience::Anyone,
            "set_cart_line",
            "/carts/{id}/lines/{product_id}",
            "Sets the quantity of a product in a cart.",
            carts::set_line,
        )
        .calls::<carts_api_methods::SetQuantityMethod>()
        .calls::<carts_api_methods::CartMethod>()
        .id::<CartId>("id")
        .id::<ProductId>("product_id")
        .body::<carts::Quantity>()
        .answers::<Cart>()
        .refuses(&[CART_TOO_LARGE]),
        Operation::delete(
            Audience::Anyone,
            "remove_cart_line",
            "/carts/{id}/lines/{product_id}",
            "Removes a product from a cart.",
            carts::remove_line,
        )
        .calls::<carts_api_methods::RemoveMethod>()
        .calls::<carts_api_methods::CartMethod>()
        .id::<CartId>("id")
        .id::<ProductId>("product_id")
        .answers::<Cart>()
        .refuses(&[CART_TOO_LARGE]),
    ]
}

fn orders() -> Vec<Operation> {
    vec![
        Operation::post(
            Audience::Anyone,
            "check_out",
            "/carts/{id}/checkout",
            "Orders the contents of a cart.",
            orders::checkout,
        )
        .calls::<orders_api_methods::CheckoutMethod>()
        .id::<CartId>("id")
        .body::<orders::Checkout>()
        .creates::<orders::PlacedOrder>()
        .accepts::<orders::PlacedOrder>(
            "The order is pending: a part of the application did not answer yet. Read the order later.",
        ),
        Operation::get(
            Audience::LinkHolder,
            "get_order",
            "/orders/{id}",
            "Returns one order.",
            orders::one,
        )
        .calls::<orders_api_methods::OrderMethod>()
        .id::<OrderId>("id")
        .answers::<Order>(),
        Operation::get(
            Audience::LinkHolder,
            "list_notices",
            "/orders/{id}/notices",
            "Lists the notices sent to the customer of an order, page by page.",
            notices::of_order,
        )
        .calls::<notifications_api_methods::NoticesMethod>()
        .id::<OrderId>("id")
        .query::<notices::ListQuery>()
        .answers::<Page<Notice>>(),
        Operation::post(
            Audience::LinkHolder,
            "cancel_order",
            "/orders/{id}/cancel",
            "Cancels an order and refunds the payment.",
            orders::cancel,
        )
        .calls::<orders_api_methods::CancelMethod>()
        .id::<OrderId>("id")
        .answers::<Order>(),
        Operation::post(
            Audience::LinkHolder,
            "return_goods",
            "/orders/{id}/returns",
            "Returns units of an order and refunds them.",
            orders::send_back,
        )
        .calls::<orders_api_methods::ReturnGoodsMethod>()
        .id::<OrderId>("id")
        .body::<orders::Goods>()
        .answers::<Order>(),
    ]
}

fn reports() -> Vec<Operation> {
    vec![
        Operation::get(
            Audience::ReportReader,
            "get_revenue",
            "/reports/revenue",
            "Reports the revenue of orders and imported sales less refunds, by month or country.",
            reports::revenue,
        )
        .calls::<orders_api_methods::RevenueMethod>()
        .query::<reports::Division>()
        .answers::<Revenue>(),
        Operation::post(
            Audience::ReportReader,
            "query_sales",
            "/reports/query",
            "Reports sales, grouped and filtered by the body.",
            reports::query,
        )
        .calls::<reporting_api_methods::QueryMethod>()
        .body::<Question>()
        .answers::<Report>(),
    ]
}

fn admin() -> Vec<Operation> {
    vec![
        Operation::post(
            Audience::Operator,
            "add_product",
            "/admin/products",
            "Adds a product for sale.",
            admin::add_product,
        )
        .calls::<catalog_api_methods::AddMethod>()
        .body::<admin::ProductToAdd>()
        .creates::<Product>(),
        Operation::put(
            Audience::Operator,
            "set_price",
            "/admin/products/{id}/price",
            "Sets the price of a product.",
            admin::set_price,
        )
        .calls::<catalog_api_methods::RepriceMethod>()
        .id::<ProductId>("id")
        .body::<admin::Price>()
        .answers::<Product>(),
        Operation::post(
            Audience::Operator,
            "adjust_stock",
            "/admin/products/{id}/stock-adjustments",
            "Records stock that arrived or left without an order.",
            admin::adjust_stock,
        )
        .calls::<catalog_api_methods::ProductMethod>()
        .calls::<inventory_api_methods::AdjustMethod>()
        .id::<ProductId>("id")
        .body::<admin::StockAdjustment>()
        .answers::<products::StockLevel>(),
    ]
}
