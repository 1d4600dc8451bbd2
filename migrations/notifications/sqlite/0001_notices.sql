-- offshoot: expand
--
-- Notices to customers about their orders.

-- One row per notice. Append-only.
CREATE TABLE notices (
    -- Rises in the order of writing, with gaps.
    number INTEGER PRIMARY KEY,
    -- Order id of the orders module, a UUID, 16 bytes. No foreign key, because the orders may be in another database.
    order_id BLOB NOT NULL CHECK (length(order_id) = 16),
    -- E-mail address.
    recipient TEXT NOT NULL,
    -- Text of the notice, one line.
    subject TEXT NOT NULL,
    -- Time of the event, microseconds since 1970-01-01T00:00:00Z.
    at INTEGER NOT NULL,
    -- Position of the event in the orders' log, and key of the event. No unique constraint: the subscription guarantees
    -- that an event takes effect once, and a constraint would hide a violation of this guarantee.
    position INTEGER NOT NULL,
    key TEXT NOT NULL
) STRICT;

-- Finds the notices of an order.
CREATE INDEX notices_by_order ON notices (order_id, number);
