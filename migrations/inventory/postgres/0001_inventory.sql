-- offshoot: expand
--
-- What is there, what is promised, and every change of it.

-- One row per product that was ever moved. `on_hand` is the sum of the product's movements, `reserved` that of its held
-- reservations; both are written with them, in one transaction.
CREATE TABLE stock (
    -- The catalog's id. The catalog may live in another database.
    product_id uuid PRIMARY KEY,
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    -- What is promised is there. The statements see to it; this is the second line.
    CHECK (reserved <= on_hand)
);

-- The ledger: only added to.
CREATE TABLE movements (
    product_id uuid NOT NULL,
    -- Made from `at`, so that a product's movements stand in order of time.
    id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('received', 'adjusted', 'sold', 'returned')),
    change bigint NOT NULL CHECK (change <> 0),
    -- The name under which somebody recorded it; stands for it for ever.
    reference text COLLATE "C" UNIQUE,
    note text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (product_id, id)
);

-- Promises. Never removed: a reference means one thing for ever, also after it was released.
CREATE TABLE reservations (
    reference text COLLATE "C" PRIMARY KEY,
    state text COLLATE "C" NOT NULL CHECK (state IN ('held', 'committed', 'released', 'expired')),
    expires_at timestamptz NOT NULL
);

-- Finds the promises that have run out, the oldest first, and all that are held.
CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'held';

-- One row per product of a reservation; none for one that was released before it was made.
CREATE TABLE reservation_lines (
    reference text COLLATE "C" NOT NULL REFERENCES reservations (reference),
    product_id uuid NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (reference, product_id)
);
