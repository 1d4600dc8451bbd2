-- offshoot: expand

-- One column of every native type.
CREATE TABLE things (
    id       uuid        NOT NULL PRIMARY KEY,
    name     text        NOT NULL COLLATE "C",
    quantity bigint      NOT NULL CONSTRAINT things_quantity_check CHECK (quantity >= 0),
    made_at  timestamptz NOT NULL,
    good     boolean     NOT NULL,
    size     integer,
    data     jsonb,
    bytes    bytea,
    UNIQUE (name, quantity)
);

CREATE TABLE parts (
    thing_id uuid   NOT NULL REFERENCES things (id),
    number   bigint NOT NULL UNIQUE,
    PRIMARY KEY (thing_id, number)
);

-- The foreign key is checked at the end of the transaction.
CREATE TABLE labels (
    thing_id uuid NOT NULL PRIMARY KEY REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED
);
