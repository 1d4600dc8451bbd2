-- offshoot: expand

-- The cursor of this module in another module's log, per subscription and partition. The transaction that handles an
-- event also moves the cursor. `token` rises when a worker takes the partition and when an operator moves the cursor,
-- so that a previous worker can write nothing more. `log_id` is null before the first read. `held` is the reason why
-- the partition handles no events until an operator decides.
CREATE TABLE offshoot_cursors (
    subscription TEXT    NOT NULL,
    partition    INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 63),
    module       TEXT    NOT NULL,
    log_id       BLOB    CHECK (length(log_id) = 16),
    position     INTEGER NOT NULL,
    -- Every event published before this time is handled: the age of a projection.
    current_at   INTEGER,
    token        INTEGER NOT NULL,
    held         TEXT,
    -- The log's `removed` at the last read. An event removed since then without being handled is a gap.
    removed      INTEGER NOT NULL,
    -- Whether the subscription keeps a projection, which can be rebuilt, and whether the projection must be cleared
    -- before the next event.
    copies       INTEGER NOT NULL CHECK (copies IN (0, 1)),
    rebuild      INTEGER NOT NULL CHECK (rebuild IN (0, 1)),
    PRIMARY KEY (subscription, partition)
) STRICT, WITHOUT ROWID;

-- Parked events: events whose handling failed, and later events of the same key. The first event of a key is retried at
-- `due_at`. Without `due_at` the event is a dead letter: its retries are exhausted, and an operator retries or skips
-- it. Later events of the key have no attempts.
CREATE TABLE offshoot_parked (
    subscription TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    partition    INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    key          TEXT    NOT NULL,
    payload      TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    due_at       INTEGER,
    reason       TEXT    NOT NULL,
    PRIMARY KEY (subscription, position)
) STRICT, WITHOUT ROWID;

-- Finds the first parked event of each key, which is retried next.
CREATE INDEX offshoot_parked_key_idx ON offshoot_parked (subscription, partition, key, position);
