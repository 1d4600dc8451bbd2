-- offshoot: expand

-- How far this module has handled another one's events, by subscription and partition. Moved in the transaction that holds
-- the effect. `token` rises when a worker takes the partition up and when an operator moves the cursor: a worker that does
-- not know yet writes nothing more. `log_id` is none before the first read. `held` says why nothing is handled, until an
-- operator decides.
CREATE TABLE offshoot_cursors (
    subscription TEXT    NOT NULL,
    partition    INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 63),
    module       TEXT    NOT NULL,
    log_id       BLOB    CHECK (length(log_id) = 16),
    position     INTEGER NOT NULL,
    -- Everything that was announced before is handled: how old a copy is.
    current_at   INTEGER,
    token        INTEGER NOT NULL,
    held         TEXT,
    -- What had been removed from the log when it was read last: nothing may be removed in between that is not handled.
    removed      INTEGER NOT NULL,
    -- Whether this keeps a copy, which can be made anew, and whether it is to be emptied before it goes on.
    copies       INTEGER NOT NULL CHECK (copies IN (0, 1)),
    rebuild      INTEGER NOT NULL CHECK (rebuild IN (0, 1)),
    PRIMARY KEY (subscription, partition)
) STRICT, WITHOUT ROWID;

-- Events that could not be handled, and those of the same key behind them. The first of a key is tried again at `due_at`;
-- with none it is dead until an operator has it tried again or skipped. Those behind it have no attempts.
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

-- The first of each key is the next one of that key to be tried.
CREATE INDEX offshoot_parked_key_idx ON offshoot_parked (subscription, partition, key, position);
