-- offshoot: expand

-- Outbox: the events that this module publishes, each written in the transaction of the change. SQLite has one writer,
-- so the order of insertion is the order of the commits, and AUTOINCREMENT assigns `position`. Positions never go back,
-- not even after rows were removed.
--
-- `bucket` is a hash of the key, 0 to 63, by which subscriptions partition the work. `lasting`: the payload is the
-- whole state of the key, so retention keeps the newest event of each key for ever.
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

-- State of the log, one row. `log_id` identifies the log, so that readers notice another log of the same module, such
-- as a restored backup. `removed_through` is the highest position that retention has removed. `sqlite_sequence` has the
-- last position.
CREATE TABLE offshoot_log (
    one             INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    log_id          BLOB    NOT NULL CHECK (length(log_id) = 16),
    removed_through INTEGER NOT NULL
) STRICT;

INSERT INTO offshoot_log (one, log_id, removed_through) VALUES (1, randomblob(16), 0);

-- The position that each reader last reported as handled. Retention keeps the events after the lowest reported
-- position. `reader` is `<module>/<subscription>/<partition>` of the subscribing module. `at` is the time of the report.
CREATE TABLE offshoot_readers (
    reader   TEXT    NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
