-- offshoot: expand
--
-- What customers are told of their orders. Only added to.

CREATE TABLE notices (
    -- In the order in which they were written.
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The orders' id. Orders live in another database.
    order_id uuid NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    -- When it came about.
    at timestamptz NOT NULL,
    -- The event's place in the orders' log, and its key. Not unique: that an event takes effect once is what its delivery
    -- promises, and a rule here would only hide that the promise was broken.
    position bigint NOT NULL,
    key text COLLATE "C" NOT NULL
);

-- The notices of an order.
CREATE INDEX notices_by_order ON notices (order_id, number);
