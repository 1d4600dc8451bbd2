-- offshoot: expand
--
-- A copy of what the orders announce, made for being counted. Everything here comes from their events and can be made anew.
-- No indexes beyond the keys: questions are of any kind, and read all of it or most.

-- One row per order, sale elsewhere or credit note, as it stands.
CREATE TABLE orders_copy (
    -- The orders' id.
    order_id uuid PRIMARY KEY,
    -- When it was placed, as year and month in UTC: made when it is written, so that both engines have the same.
    month text COLLATE "C" NOT NULL,
    country text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'cancelled')),
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- A credit note.
    credit boolean NOT NULL,
    -- The sums of its lines, so that a question that is not about products need not read those. Amounts are in
    -- ten-thousandths of the currency's unit.
    units bigint NOT NULL,
    gross bigint NOT NULL,
    refunded bigint NOT NULL,
    placed_at timestamptz NOT NULL,
    -- Of the event that it is from, in the orders' log: an older one changes nothing.
    position bigint NOT NULL
);

-- One row per line.
CREATE TABLE lines_copy (
    order_id uuid NOT NULL,
    -- From 1, in the order of the event's lines.
    number bigint NOT NULL,
    sku text COLLATE "C" NOT NULL,
    -- 1 for the first line of this SKU in an order that is no credit note, else 0: summed over a product, they are its orders,
    -- which is several times as fast as counting the different ones.
    order_count bigint NOT NULL CHECK (order_count IN (0, 1)),
    units bigint NOT NULL,
    gross bigint NOT NULL,
    refunded bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (order_id, number)
);
