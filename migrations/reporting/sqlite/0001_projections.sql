-- offshoot: expand
--
-- Projection of the orders for reports. Built from order events and can be rebuilt.
-- No indexes beyond the keys: report queries vary widely and read all or most rows.

-- One row per order, external sale or credit note, in the latest state.
CREATE TABLE projected_orders (
    -- Order id of the orders module, a UUID, 16 bytes.
    order_id BLOB PRIMARY KEY CHECK (length(order_id) = 16),
    -- Year and month of `placed_at` in UTC. Computed by the application, so that both engines have the same value.
    month TEXT NOT NULL,
    country TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'cancelled')),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    -- 1 for a credit note.
    credit INTEGER NOT NULL CHECK (credit IN (0, 1)),
    -- Sums of the lines, so that queries without products need not read the lines. Amounts are ten-thousandths of the
    -- currency's unit.
    units INTEGER NOT NULL,
    -- Before refunds.
    gross INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    -- Microseconds since 1970-01-01T00:00:00Z.
    placed_at INTEGER NOT NULL,
    -- Log position of the event that wrote this row. An older event never overwrites a newer row.
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per order line, clustered by order.
CREATE TABLE projected_order_lines (
    order_id BLOB NOT NULL,
    -- Line number from 1, in the order of the lines in the event.
    number INTEGER NOT NULL,
    sku TEXT NOT NULL,
    -- 1 for the first line of a SKU in an order that is not a credit note, else 0. The sum over a SKU is the number of
    -- orders, several times faster than counting distinct order ids.
    order_count INTEGER NOT NULL CHECK (order_count IN (0, 1)),
    units INTEGER NOT NULL,
    -- Before refunds.
    gross INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (order_id, number)
) STRICT, WITHOUT ROWID;
