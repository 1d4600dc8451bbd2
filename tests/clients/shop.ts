// Uses the types that openapi-typescript makes of the OpenAPI documents. Nothing runs: the compiler must accept the file.

import type { components as Catalog, operations as CatalogMethods } from "./catalog";
import type { operations as OrdersMethods } from "./orders";
import type { components, operations } from "./public";

type Schemas = components["schemas"];
type Answer<Responses, Status extends keyof Responses> = Responses[Status] extends { content: infer Content }
    ? Content[keyof Content]
    : never;
type CheckOut = operations["check_out"]["responses"];

// Whoever checks out gets the token of the order's link.
export function link(order: Answer<CheckOut, 201> | Answer<CheckOut, 202>): Record<"Order-Token", string> {
    return { "Order-Token": order.link_token };
}

// A status is one of four strings, and both successes of a checkout are orders.
export const statuses: Record<Schemas["OrderStatus"], boolean> = {
    pending: false,
    confirmed: true,
    failed: false,
    cancelled: true,
};
export function isSettled(order: Answer<CheckOut, 201> | Answer<CheckOut, 202>): boolean {
    return order.status !== "pending";
}

// The code tells the problems of one status apart.
export function explain(problem: Answer<CheckOut, 409> | Answer<CheckOut, 402>): string {
    switch (problem.code) {
        case "insufficient-stock":
            return problem.lines.map((line) => `${line.sku}: ${line.available}`).join();
        case "already-ordered":
            return problem.order_id;
        case "payment-declined":
            return problem.reason;
        case "not-for-sale":
            return problem.product_id;
        case "empty-cart":
        case "checkout-interrupted":
            return problem.detail;
    }
}

// The reason tells the failures of an order apart.
export function reason(failure: NonNullable<Schemas["Order"]["failure"]>): string {
    switch (failure.reason) {
        case "insufficient-stock":
            return `${failure.lines.length} lines`;
        case "payment-declined":
            return failure.why;
        case "interrupted":
            return failure.reason;
    }
}

// A required query parameter cannot be left out, and an optional one can.
export const revenue: operations["get_revenue"]["parameters"]["query"] = { by: "month" };
export const products: operations["list_products"]["parameters"]["query"] = { q: "lantern" };
// @ts-expect-error `by` is required.
export const nothing: operations["get_revenue"]["parameters"]["query"] = {};

// The contracts of modules.
export const added: Catalog["schemas"]["AddOutcome"] = { outcome: "rejected", field: "sku", reason: "is empty" };
export function next(page: Answer<CatalogMethods["browse"]["responses"], 200>): string | null | undefined {
    return page.next_page_token;
}
export function customer(order: Answer<OrdersMethods["order"]["responses"], 200>): string {
    return order.customer;
}
