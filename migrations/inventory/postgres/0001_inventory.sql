-- offshoot: expand
--
-- Stock levels, the ledger of stock movements, and reservations.

-- One row per product with movements. `on_hand` is the sum of the product's movements; `reserved` is the sum of the
-- product's held reservations, in units. Both are written in the transaction of the movement or reservation.
CREATE TABLE stock (
    -- Product id of the catalog. No foreign key, because the catalog may be in another database.
    product_id uuid PRIMARY KEY,
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    -- Only units on hand are reserved. The statements guarantee this; the check is the second line of defense.
    CHECK (reserved <= on_hand)
);

-- Ledger of stock movements. Append-only.
CREATE TABLE movements (
    product_id uuid NOT NULL,
    -- Derived from `at`, so that the movements of a product sort by time.
    id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('received', 'adjusted', 'sold', 'returned')),
    -- Units; negative for units that leave the stock.
    change bigint NOT NULL CHECK (change <> 0),
    -- Reference given by the caller. Identifies the movement for ever.
    reference text COLLATE "C" UNIQUE,
    note text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (product_id, id)
);

-- Reservations. Never removed: a reference identifies one reservation for ever, even after the release.
CREATE TABLE reservations (
    reference text COLLATE "C" PRIMARY KEY,
    state text COLLATE "C" NOT NULL CHECK (state IN ('held', 'committed', 'released', 'expired')),
    expires_at timestamptz NOT NULL
);

-- Finds overdue reservations, oldest first, and all held reservations.
CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'held';

-- One row per product of a reservation. A reservation that was released before being made has no lines.
CREATE TABLE reservation_lines (
    reference text COLLATE "C" NOT NULL REFERENCES reservations (reference),
    product_id uuid NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (reference, product_id)
);
