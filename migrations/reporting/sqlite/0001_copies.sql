-- offshoot: expand
--
-- A copy of what the orders announce, made for being counted. Everything here comes from their events and can be made anew.
-- No indexes beyond the keys: questions are of any kind, and read all of it or most.

-- One row per order, sale elsewhere or credit note, as it stands.
CREATE TABLE orders_copy (
    -- The orders' id, a UUID, 16 bytes.
    order_id BLOB PRIMARY KEY CHECK (length(order_id) = 16),
    -- When it was placed, as year and month in UTC: made when it is written, so that both engines have the same.
    month TEXT NOT NULL,
    country TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'cancelled')),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    -- 1 for a credit note.
    credit INTEGER NOT NULL CHECK (credit IN (0, 1)),
    -- The sums of its lines, so that a question that is not about products need not read those. Amounts are in
    -- ten-thousandths of the currency's unit.
    units INTEGER NOT NULL,
    gross INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    -- Microseconds since 1970-01-01T00:00:00Z.
    placed_at INTEGER NOT NULL,
    -- Of the event that it is from, in the orders' log: an older one changes nothing.
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per line, stored order by order.
CREATE TABLE lines_copy (
    order_id BLOB NOT NULL,
    -- From 1, in the order of the event's lines.
    number INTEGER NOT NULL,
    sku TEXT NOT NULL,
    -- 1 for the first line of this SKU in an order that is no credit note, else 0: summed over a product, they are its orders,
    -- which is several times as fast as counting the different ones.
    order_count INTEGER NOT NULL CHECK (order_count IN (0, 1)),
    units INTEGER NOT NULL,
    gross INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (order_id, number)
) STRICT, WITHOUT ROWID;
