-- offshoot: expand

-- Whether this database owns the module's data. One row. Every transaction reads `role` with its BEGIN, and only the
-- role `open` takes writes. `epoch` rises with every change of the role, so that a decision made under an older role is
-- recognized. `store_id` is drawn at random once, so that a caller notices another store at a known address.
--
-- `lock_key` is the key of an advisory lock: every transaction takes a shared lock, and a fence takes an exclusive one.
-- The key is a hash of a secret, because any role on the server may take any advisory lock with a known key.
CREATE TABLE offshoot_owner (
    one      integer NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id uuid    NOT NULL,
    role     text    NOT NULL CONSTRAINT offshoot_owner_role_check CHECK (role IN ('open', 'fenced', 'ceded', 'follower')),
    epoch    bigint  NOT NULL,
    lock_key bigint  NOT NULL
);

INSERT INTO offshoot_owner (one, store_id, role, epoch, lock_key)
VALUES (1, gen_random_uuid(), 'open', 1, hashtextextended(gen_random_uuid()::text, 0));
