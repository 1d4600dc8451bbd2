-- offshoot: expand

-- Whether this database owns the module's data. One row: `role` is asked with the BEGIN of every transaction, and only
-- `open` may be written to; `epoch` rises with every change of the role, so that an old decision is known as old.
-- `store_id` is drawn once, so that a caller notices when another store answers at a known address.
CREATE TABLE offshoot_owner (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id BLOB    NOT NULL CHECK (length(store_id) = 16),
    role     TEXT    NOT NULL CONSTRAINT offshoot_owner_role_check CHECK (role IN ('open', 'fenced', 'ceded', 'follower')),
    epoch    INTEGER NOT NULL
) STRICT;

INSERT INTO offshoot_owner (one, store_id, role, epoch) VALUES (1, randomblob(16), 'open', 1);
