-- offshoot: expand
--
-- Orders, their lines and returns, and the revenue ledger. Rows are never deleted.

CREATE TABLE orders (
    -- UUID of 16 bytes derived from `placed_at`, so that rows sort by time.
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'cancelled')),
    -- Reason of the failure, as JSON.
    failure TEXT CHECK ((failure IS NOT NULL) = (status = 'failed')),
    -- Number of the invoice or credit note in another system; NULL for an order of this store.
    number TEXT UNIQUE,
    -- The ordered cart; NULL for a sale of another system. Carts are in another database.
    cart_id BLOB CHECK (length(cart_id) = 16),
    customer TEXT NOT NULL,
    country TEXT NOT NULL,
    -- Currency of all amounts of the order. Amounts are in ten-thousandths of its unit.
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    total INTEGER NOT NULL,
    refunded INTEGER NOT NULL CHECK (refunded >= 0),
    -- Hash of the checkout's idempotency key, and hash of its arguments, 32 bytes each: a repeated call finds the order
    -- of the first call, even if the first call was interrupted.
    request BLOB CHECK (length(request) = 32),
    request_arguments BLOB CHECK (length(request_arguments) = 32),
    -- Fencing token of executions, replaced by the saga log in 0002. Always 0 since then.
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    -- End of an execution's lease, replaced by the saga log in 0002. Always NULL since then.
    lease_until INTEGER,
    -- Microseconds since 1970-01-01T00:00:00Z.
    placed_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((number IS NULL) <> (cart_id IS NULL)),
    CHECK ((request IS NULL) = (request_arguments IS NULL))
) STRICT, WITHOUT ROWID;

-- One order per idempotency key.
CREATE UNIQUE INDEX orders_request ON orders (request) WHERE request IS NOT NULL;

-- One order per cart, not counting failed orders.
CREATE UNIQUE INDEX orders_cart ON orders (cart_id) WHERE cart_id IS NOT NULL AND status <> 'failed';

-- Finds the orders of a customer, the newest last.
CREATE INDEX orders_by_customer ON orders (customer, id);

-- Finds orders with an expired lease, the longest expired first. Empty since 0002.
CREATE INDEX orders_by_lease ON orders (lease_until) WHERE lease_until IS NOT NULL;

-- One row per line, clustered by order. A product may appear in several lines of an invoice.
CREATE TABLE order_lines (
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- From 1.
    number INTEGER NOT NULL CHECK (number > 0),
    -- Id of the product in the catalog; NULL for a charge or service.
    product_id BLOB CHECK (length(product_id) = 16),
    -- Values when the order was placed.
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity <> 0),
    unit_price INTEGER NOT NULL CHECK (unit_price >= 0),
    -- Returned units.
    returned INTEGER NOT NULL CHECK (returned >= 0 AND (returned = 0 OR returned <= quantity)),
    PRIMARY KEY (order_id, number)
) STRICT, WITHOUT ROWID;

-- Steps of an order in other modules, replaced by the saga log in 0002. Empty since then.
CREATE TABLE order_steps (
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- Sequence of the steps, from 1.
    position INTEGER NOT NULL CHECK (position > 0),
    -- Order id and step name form the reference under which the other module records the effect.
    step TEXT NOT NULL,
    -- `undone`: the step was dropped and has no effect.
    state TEXT NOT NULL CHECK (state IN ('intended', 'done', 'undone')),
    PRIMARY KEY (order_id, position),
    UNIQUE (order_id, step)
) STRICT, WITHOUT ROWID;

-- One row per return.
CREATE TABLE returns (
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- From 1.
    number INTEGER NOT NULL CHECK (number > 0),
    -- Lines and units, as JSON: always read whole, with the order.
    lines TEXT NOT NULL,
    refund INTEGER NOT NULL CHECK (refund >= 0),
    -- 1 for the cancellation of the order.
    cancellation INTEGER NOT NULL CHECK (cancellation IN (0, 1)),
    -- Idempotency key and arguments of the call, as in `orders`.
    request BLOB CHECK (length(request) = 32),
    request_arguments BLOB CHECK (length(request_arguments) = 32),
    at INTEGER NOT NULL,
    PRIMARY KEY (order_id, number),
    CHECK ((request IS NULL) = (request_arguments IS NULL))
) STRICT, WITHOUT ROWID;

-- One return per idempotency key.
CREATE UNIQUE INDEX returns_request ON returns (request) WHERE request IS NOT NULL;

-- Revenue ledger: sales and refunds of each order, each at its own time. Append-only.
CREATE TABLE revenue (
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- Number of the entry: 0 for the sale, then one number per return or cancellation.
    entry INTEGER NOT NULL CHECK (entry >= 0),
    at INTEGER NOT NULL,
    country TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    -- 1 for a refund and for a credit note.
    credit INTEGER NOT NULL CHECK (credit IN (0, 1)),
    PRIMARY KEY (order_id, entry)
) STRICT, WITHOUT ROWID;
