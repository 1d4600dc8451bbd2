-- offshoot: expand
--
-- Stock levels, the ledger of stock movements, and reservations.

-- One row per product with movements. `on_hand` is the sum of the product's movements; `reserved` is the sum of the
-- product's held reservations, in units. Both are written in the transaction of the movement or reservation.
CREATE TABLE stock (
    -- Product id of the catalog, a UUID, 16 bytes. No foreign key, because the catalog may be in another database.
    product_id BLOB PRIMARY KEY CHECK (length(product_id) = 16),
    on_hand INTEGER NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    -- Only units on hand are reserved. The statements guarantee this; the check is the second line of defense.
    CHECK (reserved <= on_hand)
) STRICT, WITHOUT ROWID;

-- Ledger of stock movements. Append-only. Clustered by product and time, which is the order of all reads.
CREATE TABLE movements (
    product_id BLOB NOT NULL CHECK (length(product_id) = 16),
    -- A UUID derived from `at`, so that the movements of a product sort by time.
    id BLOB NOT NULL CHECK (length(id) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('received', 'adjusted', 'sold', 'returned')),
    -- Units; negative for units that leave the stock.
    change INTEGER NOT NULL CHECK (change <> 0),
    -- Reference given by the caller. Identifies the movement for ever.
    reference TEXT UNIQUE,
    note TEXT NOT NULL,
    -- Microseconds since 1970-01-01T00:00:00Z.
    at INTEGER NOT NULL,
    PRIMARY KEY (product_id, id)
) STRICT, WITHOUT ROWID;

-- Reservations. Never removed: a reference identifies one reservation for ever, even after the release.
CREATE TABLE reservations (
    reference TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('held', 'committed', 'released', 'expired')),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Finds overdue reservations, oldest first, and all held reservations.
CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'held';

-- One row per product of a reservation. A reservation that was released before being made has no lines.
CREATE TABLE reservation_lines (
    reference TEXT NOT NULL REFERENCES reservations (reference),
    product_id BLOB NOT NULL CHECK (length(product_id) = 16),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (reference, product_id)
) STRICT, WITHOUT ROWID;
