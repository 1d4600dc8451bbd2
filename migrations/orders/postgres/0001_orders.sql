-- offshoot: expand
--
-- What was agreed, what has become of it, and what it came to. Rows are changed, never removed.

CREATE TABLE orders (
    -- Made from `placed_at`: ids stand in order of time.
    id uuid PRIMARY KEY,
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'cancelled')),
    -- Why it failed, as JSON. Text, because it is only ever read whole.
    failure text CHECK ((failure IS NOT NULL) = (status = 'failed')),
    -- The invoice's or credit note's number elsewhere; none for an order of this store.
    number text COLLATE "C" UNIQUE,
    -- The cart it came from; none for a sale elsewhere. The cart lives in another database.
    cart_id uuid,
    customer text COLLATE "C" NOT NULL,
    country text COLLATE "C" NOT NULL,
    -- Of all amounts of the order, which are in ten-thousandths of its unit.
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    total bigint NOT NULL,
    refunded bigint NOT NULL CHECK (refunded >= 0),
    -- The idempotency key that it was placed under, as 32 bytes, and its arguments' hash: a repeat finds the order of
    -- the first call, however far that came.
    request bytea CHECK (length(request) = 32),
    request_arguments bytea CHECK (length(request_arguments) = 32),
    -- Rises each time that somebody takes the order up. Who writes says which attempt it is, and one that was taken
    -- over writes nothing.
    attempt bigint NOT NULL CHECK (attempt >= 0),
    -- Until when the present attempt is left alone; none when nothing is open.
    lease_until timestamptz,
    placed_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((number IS NULL) <> (cart_id IS NULL)),
    CHECK ((request IS NULL) = (request_arguments IS NULL))
);

-- One order per idempotency key.
CREATE UNIQUE INDEX orders_request ON orders (request) WHERE request IS NOT NULL;

-- A cart is ordered once, unless that came to nothing.
CREATE UNIQUE INDEX orders_cart ON orders (cart_id) WHERE cart_id IS NOT NULL AND status <> 'failed';

-- The orders of a customer, the newest last.
CREATE INDEX orders_by_customer ON orders (customer, id);

-- What nobody works on, the longest abandoned first.
CREATE INDEX orders_by_lease ON orders (lease_until) WHERE lease_until IS NOT NULL;

-- One row per line. A product may stand in several lines of an invoice.
CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders (id),
    -- From 1.
    number bigint NOT NULL CHECK (number > 0),
    -- The catalog's id; none for a charge or service.
    product_id uuid,
    -- As they were when the order was placed.
    sku text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL CHECK (quantity <> 0),
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    -- Units that came back.
    returned bigint NOT NULL CHECK (returned >= 0 AND (returned = 0 OR returned <= quantity)),
    PRIMARY KEY (order_id, number)
);

-- The log of what an order does in other modules: written before it is done, and after.
CREATE TABLE order_steps (
    order_id uuid NOT NULL REFERENCES orders (id),
    -- In the order in which they are done, from 1.
    position bigint NOT NULL CHECK (position > 0),
    -- Together with the order's id, the name under which the other module knows it.
    step text COLLATE "C" NOT NULL,
    -- `undone`: it was not to be done after all, and has no effect.
    state text COLLATE "C" NOT NULL CHECK (state IN ('intended', 'done', 'undone')),
    PRIMARY KEY (order_id, position),
    UNIQUE (order_id, step)
);

-- What came back at one time.
CREATE TABLE returns (
    order_id uuid NOT NULL REFERENCES orders (id),
    -- From 1.
    number bigint NOT NULL CHECK (number > 0),
    -- Lines and units, as JSON: read whole, with the order.
    lines text NOT NULL,
    refund bigint NOT NULL CHECK (refund >= 0),
    -- True for the order's cancellation.
    cancellation boolean NOT NULL,
    -- As in `orders`.
    request bytea CHECK (length(request) = 32),
    request_arguments bytea CHECK (length(request_arguments) = 32),
    at timestamptz NOT NULL,
    PRIMARY KEY (order_id, number),
    CHECK ((request IS NULL) = (request_arguments IS NULL))
);

-- One return per idempotency key.
CREATE UNIQUE INDEX returns_request ON returns (request) WHERE request IS NOT NULL;

-- What each order came to, and what was given back, each at its own time. Only added to.
CREATE TABLE revenue (
    order_id uuid NOT NULL REFERENCES orders (id),
    -- 0 for the sale, then one per return or cancellation.
    entry bigint NOT NULL CHECK (entry >= 0),
    at timestamptz NOT NULL,
    country text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    -- For what was given back, and for a credit note.
    credit boolean NOT NULL,
    PRIMARY KEY (order_id, entry)
);
