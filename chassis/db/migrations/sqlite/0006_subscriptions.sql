-- offshoot: expand

-- The cursor of this module in another module's log, per subscription and partition. The transaction that handles an
-- event also moves the cursor. `token` rises when a worker takes the partition and when an operator moves the cursor,
-- so that a previous worker can write nothing more. `log_id` is null before the first read. `held` is the reason why
-- the partition handles no events until an operator decides.
CREATE TABLE offshoot_cursors (
    subscription    TEXT    NOT NULL,
    partition       INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 63),
    -- The publishing module.
    module          TEXT    NOT NULL,
    log_id          BLOB    CHECK (length(log_id) = 16),
    position        INTEGER NOT NULL,
    -- Every event published before this time is handled; parked events count as handled, except in a projection. Null
    -- before the partition has handled an event or reached the end of the log.
    current_at      INTEGER,
    token           INTEGER NOT NULL,
    held            TEXT,
    -- `removed_through` of the log at the last read. An event removed since then without being handled is a gap.
    removed_through INTEGER NOT NULL,
    -- Whether the subscription keeps a projection, which can be rebuilt, and whether the projection must be cleared
    -- before the next event.
    is_projection   INTEGER NOT NULL CHECK (is_projection IN (0, 1)),
    rebuild         INTEGER NOT NULL CHECK (rebuild IN (0, 1)),
    PRIMARY KEY (subscription, partition)
) STRICT, WITHOUT ROWID;

-- Parked events: events that the subscriber failed to handle, and later events of the same key. The first event of a
-- key is retried at `due_at`. An event with attempts and without `due_at` is a dead letter: the attempts are exhausted,
-- and an operator retries or skips the event. Later events of the key wait and have no attempts.
CREATE TABLE offshoot_parked (
    subscription TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    partition    INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    key          TEXT    NOT NULL,
    payload      TEXT    NOT NULL,
    -- Time of publication.
    at           INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    due_at       INTEGER,
    reason       TEXT    NOT NULL,
    PRIMARY KEY (subscription, position)
) STRICT, WITHOUT ROWID;

-- Finds the first parked event of each key, which is retried next.
CREATE INDEX offshoot_parked_key_idx ON offshoot_parked (subscription, partition, key, position);

-- Counts parked events and dead letters for metrics without reading payloads.
CREATE INDEX offshoot_parked_state_idx ON offshoot_parked (subscription, attempts, due_at, at);
