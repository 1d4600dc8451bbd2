-- offshoot: expand

-- What this module announces, written in the transaction that did it. There is one writer, so the order of insertion is the
-- order of the commits, and `position` needs nobody to give it: it never goes back, also after rows were removed.
--
-- `bucket` is a hash of the key, 0 to 63, by which subscriptions divide the work. `lasting`: the payload is the whole state of
-- the key, so the newest one of each key is kept for ever.
CREATE TABLE offshoot_events (
    position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name     TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    bucket   INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 63),
    lasting  INTEGER NOT NULL CHECK (lasting IN (0, 1)),
    payload  TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- One row. `log_id` names this log: another one under the same name, such as a restored backup, has another id, and readers
-- notice. `removed` is the highest position that was removed for its age. The last position is in `sqlite_sequence`.
CREATE TABLE offshoot_log (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    log_id  BLOB    NOT NULL CHECK (length(log_id) = 16),
    removed INTEGER NOT NULL
) STRICT;

INSERT INTO offshoot_log (one, log_id, removed) VALUES (1, randomblob(16), 0);

-- How far each subscription has read, as far as it was said here: nothing that somebody still reads is removed. `at` is when
-- it was last heard of.
CREATE TABLE offshoot_readers (
    subscription TEXT    NOT NULL PRIMARY KEY,
    position     INTEGER NOT NULL,
    at           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
