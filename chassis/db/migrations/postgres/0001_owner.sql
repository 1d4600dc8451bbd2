-- offshoot: expand

-- Whether this database owns the module's data. One row: `role` is asked with the BEGIN of every transaction, and only
-- `open` may be written to; `epoch` rises with every change of the role, so that an old decision is known as old.
-- `store_id` is drawn once, so that a caller notices when another store answers at a known address.
--
-- `lock_key` names the advisory lock that every transaction shares and a fence takes alone. It is a hash of a secret,
-- because any role on the server may take any advisory lock whose key it knows.
CREATE TABLE offshoot_owner (
    one      integer NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id uuid    NOT NULL,
    role     text    NOT NULL CONSTRAINT offshoot_owner_role_check CHECK (role IN ('open', 'fenced', 'ceded', 'follower')),
    epoch    bigint  NOT NULL,
    lock_key bigint  NOT NULL
);

INSERT INTO offshoot_owner (one, store_id, role, epoch, lock_key)
VALUES (1, gen_random_uuid(), 'open', 1, hashtextextended(gen_random_uuid()::text, 0));
