"""Shops through clients that openapi-python-client makes of the OpenAPI documents.

    python shop.py ADDRESS OPERATOR_TOKEN CATALOG_TOKEN ORDERS_TOKEN

Each answer must parse into the type that its document names for its status. The generated packages `public`, `catalog`
and `orders` must be importable, and the store must be empty.
"""

import sys
from http import HTTPStatus

import catalog.api.catalog.browse
import catalog.api.catalog.product
import catalog.models
import orders.api.orders.order
import orders.api.orders.orders
import orders.models
import public.models as shop
from catalog import AuthenticatedClient as CatalogClient
from orders import AuthenticatedClient as OrdersClient
from public import AuthenticatedClient, Client
from public.api.admin import add_product, adjust_stock
from public.api.carts import create_cart, get_cart, set_cart_line
from public.api.orders import cancel_order, check_out, get_order, list_notices
from public.api.products import get_product, list_products
from public.api.reports import get_revenue, query_sales
from public.api.storefront import list_listings


def parsed(response, status, kind):
    """The parsed answer, after a check of status and type."""
    assert response.status_code == status, (response.status_code, response.content)
    assert type(response.parsed) is kind, (kind, response.parsed)
    return response.parsed


def stock_up(address, token):
    """Adds a product with stock, as an operator, and returns its id."""
    with AuthenticatedClient(base_url=address, token=token) as client:
        price = shop.Price(amount="3.39", currency="GBP")
        new = shop.ProductToAdd(sku="L-1", name="White metal lantern", category="lamps", price=price)
        product = parsed(add_product.sync_detailed(client=client, body=new), HTTPStatus.CREATED, shop.Product)
        assert product.status is shop.ProductStatus.ACTIVE
        again = add_product.sync_detailed(client=client, body=new)
        parsed(again, HTTPStatus.CONFLICT, shop.CatalogDuplicateSkuProblem)
        received = shop.StockAdjustment(change=10, reason="delivery", kind=shop.AdjustmentKind.RECEIVED)
        stock = adjust_stock.sync_detailed(product.id, client=client, body=received)
        assert parsed(stock, HTTPStatus.OK, shop.StockLevel).available == 10
    return product.id


def fill_cart(client, product):
    cart = parsed(create_cart.sync_detailed(client=client, body=shop.NewCart()), HTTPStatus.CREATED, shop.Cart)
    line = set_cart_line.sync_detailed(cart.id, product, client=client, body=shop.Quantity(quantity=2))
    assert parsed(line, HTTPStatus.OK, shop.Cart).lines[0].quantity == 2
    return cart.id


def pay(client, cart, token):
    payment = shop.Checkout(payment_token=token, email="ada@example.com")
    return check_out.sync_detailed(cart, client=client, body=payment, idempotency_key=f"{cart}-{token}")


def find(client, product):
    page = parsed(list_products.sync_detailed(client=client, q="lantern", page_size=5), HTTPStatus.OK, shop.PageOfProduct)
    assert [item.id for item in page.items] == [product]
    page = parsed(get_product.sync_detailed(product, client=client), HTTPStatus.OK, shop.ProductPage)
    assert page.availability.in_stock
    parsed(list_listings.sync_detailed(client=client), HTTPStatus.OK, shop.Listings)
    stale = list_products.sync_detailed(client=client, page_token="00")
    parsed(stale, HTTPStatus.UNPROCESSABLE_ENTITY, shop.CatalogBadPageTokenProblem)
    unknown = get_product.sync_detailed("product_01h455vb4pex5vsknk084sn02q", client=client)
    parsed(unknown, HTTPStatus.NOT_FOUND, shop.CatalogUnknownProductProblem)


def opened(address, order):
    """A client with the token of the order's link."""
    return AuthenticatedClient(base_url=address, token=order.link_token, prefix="", auth_header_name="Order-Token")


def buy_and_cancel(address, client, product):
    cart = fill_cart(client, product)
    order = parsed(pay(client, cart, "tok_visa"), HTTPStatus.CREATED, shop.PlacedOrder)
    again = parsed(pay(client, cart, "tok_visa"), HTTPStatus.CREATED, shop.PlacedOrder)
    assert again.link_token == order.link_token
    assert order.status is shop.OrderStatus.CONFIRMED and order.total.amount == "6.78", order
    twice = check_out.sync_detailed(
        cart, client=client, body=shop.Checkout(payment_token="tok_visa", email="ada@example.com")
    )
    problem = parsed(twice, HTTPStatus.CONFLICT, shop.OrdersAlreadyOrderedProblem)
    assert problem.order_id == order.id
    parsed(get_cart.sync_detailed(cart, client=client), HTTPStatus.OK, shop.Cart)
    refused = get_order.sync_detailed(order.id, client=client)
    parsed(refused, HTTPStatus.NOT_FOUND, shop.OrdersUnknownOrderProblem)
    with opened(address, order) as holder:
        parsed(get_order.sync_detailed(order.id, client=holder), HTTPStatus.OK, shop.Order)
        parsed(list_notices.sync_detailed(order.id, client=holder), HTTPStatus.OK, shop.PageOfNotice)
        cancelled = parsed(cancel_order.sync_detailed(order.id, client=holder), HTTPStatus.OK, shop.Order)
    assert cancelled.status is shop.OrderStatus.CANCELLED and cancelled.refunded.amount == "6.78", cancelled
    return order.id


def have_a_card_declined(client, operator, product):
    declined = pay(client, fill_cart(client, product), "tok_declined")
    problem = parsed(declined, HTTPStatus.PAYMENT_REQUIRED, shop.OrdersPaymentDeclinedProblem)
    assert problem.code == "payment-declined" and problem.reason, problem
    failed = parsed(get_order.sync_detailed(problem.order_id, client=operator), HTTPStatus.OK, shop.Order)
    assert failed.status is shop.OrderStatus.FAILED, failed
    assert type(failed.failure) is shop.FailureReasonPaymentDeclined, failed


def leave_an_order_pending(client, product):
    """The provider of the sandbox answers this token too late."""
    pending = pay(client, fill_cart(client, product), "tok_timeout")
    order = parsed(pending, HTTPStatus.ACCEPTED, shop.PlacedOrder)
    assert order.status is shop.OrderStatus.PENDING and order.open_steps and order.link_token, order


def report(client):
    revenue = get_revenue.sync_detailed(client=client, by=shop.RevenueBy.MONTH)
    assert len(parsed(revenue, HTTPStatus.OK, shop.Revenue).rows) == 1
    question = shop.Question(
        measures=[shop.Measure.NET, shop.Measure.UNITS], currency="GBP", dimensions=[shop.Dimension.STATUS]
    )
    parsed(query_sales.sync_detailed(client=client, body=question), HTTPStatus.OK, shop.Report)


def call_modules(address, product, order, catalog_token, orders_token):
    """The same through the contracts of two modules."""
    with CatalogClient(base_url=address, token=catalog_token) as client:
        page = catalog.api.catalog.browse.sync_detailed(client=client, search="lantern")
        assert [item.id for item in parsed(page, HTTPStatus.OK, catalog.models.PageOfProduct).items] == [product]
        unknown = catalog.api.catalog.product.sync_detailed("product_01h455vb4pex5vsknk084sn02q", client=client)
        parsed(unknown, HTTPStatus.NOT_FOUND, catalog.models.UnknownProductProblem)
    with OrdersClient(base_url=address, token=orders_token) as client:
        found = parsed(orders.api.orders.order.sync_detailed(order, client=client), HTTPStatus.OK, orders.models.Order)
        assert found.status is orders.models.OrderStatus.CANCELLED
        page = orders.api.orders.orders.sync_detailed(client=client, customer="ada@example.com")
        statuses = [order.status.value for order in parsed(page, HTTPStatus.OK, orders.models.PageOfOrder).items]
        # The store asks the provider again for the order that was left pending, and confirms it then.
        assert sorted(statuses) in (["cancelled", "failed", "pending"], ["cancelled", "confirmed", "failed"]), statuses
    with OrdersClient(base_url=address, token="none") as client:
        refused = orders.api.orders.orders.sync_detailed(client=client)
        parsed(refused, HTTPStatus.UNAUTHORIZED, orders.models.CallFailure)


def main(address, operator, catalog_token, orders_token):
    product = stock_up(address, operator)
    as_operator = AuthenticatedClient(base_url=address, token=operator, raise_on_unexpected_status=True)
    with Client(base_url=address, raise_on_unexpected_status=True) as client, as_operator:
        find(client, product)
        order = buy_and_cancel(address, client, product)
        have_a_card_declined(client, as_operator, product)
        leave_an_order_pending(client, product)
        report(as_operator)
    call_modules(address, product, order, catalog_token, orders_token)


main(*sys.argv[1:])
