-- offshoot: expand
--
-- What customers are told of their orders. Only added to.

CREATE TABLE notices (
    -- In the order in which they were written.
    number INTEGER PRIMARY KEY,
    -- The orders' id, a UUID, 16 bytes. Orders live in another database.
    order_id BLOB NOT NULL CHECK (length(order_id) = 16),
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- When it came about, microseconds since 1970-01-01T00:00:00Z.
    at INTEGER NOT NULL,
    -- The event's place in the orders' log, and its key. Not unique: that an event takes effect once is what its delivery
    -- promises, and a rule here would only hide that the promise was broken.
    position INTEGER NOT NULL,
    key TEXT NOT NULL
) STRICT;

-- The notices of an order.
CREATE INDEX notices_by_order ON notices (order_id, number);
