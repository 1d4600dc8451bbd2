-- offshoot: expand
--
-- Projection of the orders for reports. Built from order events and can be rebuilt.
-- No indexes beyond the keys: report queries vary widely and read all or most rows.

-- One row per order, external sale or credit note, in the latest state.
CREATE TABLE projected_orders (
    -- Order id of the orders module.
    order_id uuid PRIMARY KEY,
    -- Year and month of `placed_at` in UTC. Computed by the application, so that both engines have the same value.
    month text COLLATE "C" NOT NULL,
    country text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'cancelled')),
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- True for a credit note.
    credit boolean NOT NULL,
    -- Sums of the lines, so that queries without products need not read the lines. Amounts are ten-thousandths of the
    -- currency's unit.
    units bigint NOT NULL,
    -- Before refunds.
    gross bigint NOT NULL,
    refunded bigint NOT NULL,
    placed_at timestamptz NOT NULL,
    -- Log position of the event that wrote this row. An older event never overwrites a newer row.
    position bigint NOT NULL
);

-- One row per order line.
CREATE TABLE projected_order_lines (
    order_id uuid NOT NULL,
    -- Line number from 1, in the order of the lines in the event.
    number bigint NOT NULL,
    sku text COLLATE "C" NOT NULL,
    -- 1 for the first line of a SKU in an order that is not a credit note, else 0. The sum over a SKU is the number of
    -- orders, several times faster than counting distinct order ids.
    order_count bigint NOT NULL CHECK (order_count IN (0, 1)),
    units bigint NOT NULL,
    -- Before refunds.
    gross bigint NOT NULL,
    refunded bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (order_id, number)
);
