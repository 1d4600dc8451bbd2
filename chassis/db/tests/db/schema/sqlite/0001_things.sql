-- offshoot: expand

-- One column of every native type.
CREATE TABLE things (
    id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name     TEXT    NOT NULL,
    quantity INTEGER NOT NULL CONSTRAINT things_quantity_check CHECK (quantity >= 0),
    made_at  INTEGER NOT NULL,
    good     INTEGER NOT NULL CHECK (good IN (0, 1)),
    size     INTEGER,
    data     TEXT,
    bytes    BLOB,
    UNIQUE (name, quantity)
) STRICT;

CREATE TABLE parts (
    thing_id BLOB    NOT NULL REFERENCES things (id),
    number   INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (thing_id, number)
) STRICT;

-- The foreign key is checked at the end of the transaction.
CREATE TABLE labels (
    thing_id BLOB NOT NULL PRIMARY KEY REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
