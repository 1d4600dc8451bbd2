-- offshoot: expand
--
-- Orders, their lines and returns, and the revenue ledger. Rows are never deleted.

CREATE TABLE orders (
    -- UUID derived from `placed_at`, so that ids sort by time.
    id uuid PRIMARY KEY,
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'cancelled')),
    -- Reason of the failure, as JSON. Text, because the value is only read whole.
    failure text CHECK ((failure IS NOT NULL) = (status = 'failed')),
    -- Number of the invoice or credit note in another system; NULL for an order of this store.
    number text COLLATE "C" UNIQUE,
    -- The ordered cart; NULL for a sale of another system. Carts are in another database.
    cart_id uuid,
    customer text COLLATE "C" NOT NULL,
    country text COLLATE "C" NOT NULL,
    -- Currency of all amounts of the order. Amounts are in ten-thousandths of its unit.
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    total bigint NOT NULL,
    refunded bigint NOT NULL CHECK (refunded >= 0),
    -- Hash of the checkout's idempotency key, and hash of its arguments, 32 bytes each: a repeated call finds the order
    -- of the first call, even if the first call was interrupted.
    request bytea CHECK (length(request) = 32),
    request_arguments bytea CHECK (length(request_arguments) = 32),
    -- Fencing token of executions, replaced by the saga log in 0002. Always 0 since then.
    attempt bigint NOT NULL CHECK (attempt >= 0),
    -- End of an execution's lease, replaced by the saga log in 0002. Always NULL since then.
    lease_until timestamptz,
    placed_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((number IS NULL) <> (cart_id IS NULL)),
    CHECK ((request IS NULL) = (request_arguments IS NULL))
);

-- One order per idempotency key.
CREATE UNIQUE INDEX orders_request ON orders (request) WHERE request IS NOT NULL;

-- One order per cart, not counting failed orders.
CREATE UNIQUE INDEX orders_cart ON orders (cart_id) WHERE cart_id IS NOT NULL AND status <> 'failed';

-- Finds the orders of a customer, the newest last.
CREATE INDEX orders_by_customer ON orders (customer, id);

-- Finds orders with an expired lease, the longest expired first. Empty since 0002.
CREATE INDEX orders_by_lease ON orders (lease_until) WHERE lease_until IS NOT NULL;

-- One row per line. A product may appear in several lines of an invoice.
CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders (id),
    -- From 1.
    number bigint NOT NULL CHECK (number > 0),
    -- Id of the product in the catalog; NULL for a charge or service.
    product_id uuid,
    -- Values when the order was placed.
    sku text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL CHECK (quantity <> 0),
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    -- Returned units.
    returned bigint NOT NULL CHECK (returned >= 0 AND (returned = 0 OR returned <= quantity)),
    PRIMARY KEY (order_id, number)
);

-- Steps of an order in other modules, replaced by the saga log in 0002. Empty since then.
CREATE TABLE order_steps (
    order_id uuid NOT NULL REFERENCES orders (id),
    -- Sequence of the steps, from 1.
    position bigint NOT NULL CHECK (position > 0),
    -- Order id and step name form the reference under which the other module records the effect.
    step text COLLATE "C" NOT NULL,
    -- `undone`: the step was dropped and has no effect.
    state text COLLATE "C" NOT NULL CHECK (state IN ('intended', 'done', 'undone')),
    PRIMARY KEY (order_id, position),
    UNIQUE (order_id, step)
);

-- One row per return.
CREATE TABLE returns (
    order_id uuid NOT NULL REFERENCES orders (id),
    -- From 1.
    number bigint NOT NULL CHECK (number > 0),
    -- Lines and units, as JSON: always read whole, with the order.
    lines text NOT NULL,
    refund bigint NOT NULL CHECK (refund >= 0),
    -- True for the cancellation of the order.
    cancellation boolean NOT NULL,
    -- Idempotency key and arguments of the call, as in `orders`.
    request bytea CHECK (length(request) = 32),
    request_arguments bytea CHECK (length(request_arguments) = 32),
    at timestamptz NOT NULL,
    PRIMARY KEY (order_id, number),
    CHECK ((request IS NULL) = (request_arguments IS NULL))
);

-- One return per idempotency key.
CREATE UNIQUE INDEX returns_request ON returns (request) WHERE request IS NOT NULL;

-- Revenue ledger: sales and refunds of each order, each at its own time. Append-only.
CREATE TABLE revenue (
    order_id uuid NOT NULL REFERENCES orders (id),
    -- Number of the entry: 0 for the sale, then one number per return or cancellation.
    entry bigint NOT NULL CHECK (entry >= 0),
    at timestamptz NOT NULL,
    country text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    -- True for a refund and for a credit note.
    credit boolean NOT NULL,
    PRIMARY KEY (order_id, entry)
);
