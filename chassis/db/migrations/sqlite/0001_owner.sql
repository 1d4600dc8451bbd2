-- offshoot: expand

-- Whether this database owns the module's data. One row. Every transaction reads `role` with its BEGIN, and only the
-- role `open` takes writes. `epoch` rises with every change of the role, so that a decision made under an older role is
-- recognized. `store_id` is drawn at random once, so that a caller notices another store at a known address.
CREATE TABLE offshoot_owner (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id BLOB    NOT NULL CHECK (length(store_id) = 16),
    role     TEXT    NOT NULL CONSTRAINT offshoot_owner_role_check CHECK (role IN ('open', 'fenced', 'ceded', 'follower')),
    epoch    INTEGER NOT NULL
) STRICT;

INSERT INTO offshoot_owner (one, store_id, role, epoch) VALUES (1, randomblob(16), 'open', 1);
