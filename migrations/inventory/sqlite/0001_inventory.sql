-- offshoot: expand
--
-- What is there, what is promised, and every change of it.

-- One row per product that was ever moved. `on_hand` is the sum of the product's movements, `reserved` that of its held
-- reservations; both are written with them, in one transaction.
CREATE TABLE stock (
    -- The catalog's id: a UUID, 16 bytes. The catalog may live in another database.
    product_id BLOB PRIMARY KEY CHECK (length(product_id) = 16),
    on_hand INTEGER NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    -- What is promised is there. The statements see to it; this is the second line.
    CHECK (reserved <= on_hand)
) STRICT, WITHOUT ROWID;

-- The ledger: only added to. Stored product by product, in order of time, which is how it is read.
CREATE TABLE movements (
    product_id BLOB NOT NULL CHECK (length(product_id) = 16),
    -- A UUID made from `at`.
    id BLOB NOT NULL CHECK (length(id) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('received', 'adjusted', 'sold', 'returned')),
    change INTEGER NOT NULL CHECK (change <> 0),
    -- The name under which somebody recorded it; stands for it for ever.
    reference TEXT UNIQUE,
    note TEXT NOT NULL,
    -- Microseconds since 1970-01-01T00:00:00Z.
    at INTEGER NOT NULL,
    PRIMARY KEY (product_id, id)
) STRICT, WITHOUT ROWID;

-- Promises. Never removed: a reference means one thing for ever, also after it was released.
CREATE TABLE reservations (
    reference TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('held', 'committed', 'released', 'expired')),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Finds the promises that have run out, the oldest first, and all that are held.
CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'held';

-- One row per product of a reservation; none for one that was released before it was made.
CREATE TABLE reservation_lines (
    reference TEXT NOT NULL REFERENCES reservations (reference),
    product_id BLOB NOT NULL CHECK (length(product_id) = 16),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (reference, product_id)
) STRICT, WITHOUT ROWID;
