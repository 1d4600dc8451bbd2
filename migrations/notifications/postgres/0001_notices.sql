-- offshoot: expand
--
-- Notices to customers about their orders.

-- One row per notice. Append-only.
CREATE TABLE notices (
    -- Rises in the order of writing, with gaps.
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Order id of the orders module. No foreign key, because the orders may be in another database.
    order_id uuid NOT NULL,
    -- E-mail address.
    recipient text COLLATE "C" NOT NULL,
    -- Text of the notice, one line.
    subject text COLLATE "C" NOT NULL,
    -- Time of the event.
    at timestamptz NOT NULL,
    -- Position of the event in the orders' log, and key of the event. No unique constraint: the subscription guarantees
    -- that an event takes effect once, and a constraint would hide a violation of this guarantee.
    position bigint NOT NULL,
    key text COLLATE "C" NOT NULL
);

-- Finds the notices of an order.
CREATE INDEX notices_by_order ON notices (order_id, number);
