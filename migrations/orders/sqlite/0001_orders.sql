-- offshoot: expand
--
-- What was agreed, what has become of it, and what it came to. Rows are changed, never removed.

CREATE TABLE orders (
    -- A UUID, 16 bytes, made from `placed_at`: rows stand in order of time.
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'cancelled')),
    -- Why it failed, as JSON.
    failure TEXT CHECK ((failure IS NOT NULL) = (status = 'failed')),
    -- The invoice's or credit note's number elsewhere; none for an order of this store.
    number TEXT UNIQUE,
    -- The cart it came from; none for a sale elsewhere. The cart lives in another database.
    cart_id BLOB CHECK (length(cart_id) = 16),
    customer TEXT NOT NULL,
    country TEXT NOT NULL,
    -- Of all amounts of the order, which are in ten-thousandths of its unit.
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    total INTEGER NOT NULL,
    refunded INTEGER NOT NULL CHECK (refunded >= 0),
    -- The idempotency key that it was placed under, as 32 bytes, and its arguments' hash: a repeat finds the order of
    -- the first call, however far that came.
    request BLOB CHECK (length(request) = 32),
    request_arguments BLOB CHECK (length(request_arguments) = 32),
    -- Rises each time that somebody takes the order up. Who writes says which attempt it is, and one that was taken
    -- over writes nothing.
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    -- Until when the present attempt is left alone; none when nothing is open.
    lease_until INTEGER,
    -- Microseconds since 1970-01-01T00:00:00Z.
    placed_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((number IS NULL) <> (cart_id IS NULL)),
    CHECK ((request IS NULL) = (request_arguments IS NULL))
) STRICT, WITHOUT ROWID;

-- One order per idempotency key.
CREATE UNIQUE INDEX orders_request ON orders (request) WHERE request IS NOT NULL;

-- A cart is ordered once, unless that came to nothing.
CREATE UNIQUE INDEX orders_cart ON orders (cart_id) WHERE cart_id IS NOT NULL AND status <> 'failed';

-- The orders of a customer, the newest last.
CREATE INDEX orders_by_customer ON orders (customer, id);

-- What nobody works on, the longest abandoned first.
CREATE INDEX orders_by_lease ON orders (lease_until) WHERE lease_until IS NOT NULL;

-- One row per line, stored order by order. A product may stand in several lines of an invoice.
CREATE TABLE order_lines (
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- From 1.
    number INTEGER NOT NULL CHECK (number > 0),
    -- The catalog's id; none for a charge or service.
    product_id BLOB CHECK (length(product_id) = 16),
    -- As they were when the order was placed.
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity <> 0),
    unit_price INTEGER NOT NULL CHECK (unit_price >= 0),
    -- Units that came back.
    returned INTEGER NOT NULL CHECK (returned >= 0 AND (returned = 0 OR returned <= quantity)),
    PRIMARY KEY (order_id, number)
) STRICT, WITHOUT ROWID;

-- The log of what an order does in other modules: written before it is done, and after.
CREATE TABLE order_steps (
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- In the order in which they are done, from 1.
    position INTEGER NOT NULL CHECK (position > 0),
    -- Together with the order's id, the name under which the other module knows it.
    step TEXT NOT NULL,
    -- `undone`: it was not to be done after all, and has no effect.
    state TEXT NOT NULL CHECK (state IN ('intended', 'done', 'undone')),
    PRIMARY KEY (order_id, position),
    UNIQUE (order_id, step)
) STRICT, WITHOUT ROWID;

-- What came back at one time.
CREATE TABLE returns (
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- From 1.
    number INTEGER NOT NULL CHECK (number > 0),
    -- Lines and units, as JSON: read whole, with the order.
    lines TEXT NOT NULL,
    refund INTEGER NOT NULL CHECK (refund >= 0),
    -- 1 for the order's cancellation.
    cancellation INTEGER NOT NULL CHECK (cancellation IN (0, 1)),
    -- As in `orders`.
    request BLOB CHECK (length(request) = 32),
    request_arguments BLOB CHECK (length(request_arguments) = 32),
    at INTEGER NOT NULL,
    PRIMARY KEY (order_id, number),
    CHECK ((request IS NULL) = (request_arguments IS NULL))
) STRICT, WITHOUT ROWID;

-- One return per idempotency key.
CREATE UNIQUE INDEX returns_request ON returns (request) WHERE request IS NOT NULL;

-- What each order came to, and what was given back, each at its own time. Only added to.
CREATE TABLE revenue (
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- 0 for the sale, then one per return or cancellation.
    entry INTEGER NOT NULL CHECK (entry >= 0),
    at INTEGER NOT NULL,
    country TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    -- 1 for what was given back, and for a credit note.
    credit INTEGER NOT NULL CHECK (credit IN (0, 1)),
    PRIMARY KEY (order_id, entry)
) STRICT, WITHOUT ROWID;
