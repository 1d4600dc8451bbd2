-- offshoot: expand

-- The cursor of this module in another module's log, per subscription and partition. The transaction that handles an
-- event also moves the cursor. `token` rises when a worker takes the partition and when an operator moves the cursor,
-- so that a previous worker can write nothing more. `log_id` is null before the first read. `held` is the reason why
-- the partition handles no events until an operator decides.
CREATE TABLE offshoot_cursors (
    subscription    text COLLATE "C" NOT NULL,
    partition       integer          NOT NULL CHECK (partition BETWEEN 0 AND 63),
    -- The publishing module.
    module          text COLLATE "C" NOT NULL,
    log_id          uuid,
    position        bigint           NOT NULL,
    -- Every event published before this time is handled; parked events count as handled, except in a projection. Null
    -- before the partition has handled an event or reached the end of the log.
    current_at      timestamptz,
    token           bigint           NOT NULL,
    held            text,
    -- `removed_through` of the log at the last read. An event removed since then without being handled is a gap.
    removed_through bigint           NOT NULL,
    -- Whether the subscription keeps a projection, which can be rebuilt, and whether the projection must be cleared
    -- before the next event.
    is_projection   boolean          NOT NULL,
    rebuild         boolean          NOT NULL,
    PRIMARY KEY (subscription, partition)
);

-- Parked events: events that the subscriber failed to handle, and later events of the same key. The first event of a
-- key is retried at `due_at`. An event with attempts and without `due_at` is a dead letter: the attempts are exhausted,
-- and an operator retries or skips the event. Later events of the key wait and have no attempts.
CREATE TABLE offshoot_parked (
    subscription text COLLATE "C" NOT NULL,
    position     bigint           NOT NULL,
    partition    integer          NOT NULL,
    name         text COLLATE "C" NOT NULL,
    version      integer          NOT NULL,
    key          text COLLATE "C" NOT NULL,
    payload      text             NOT NULL,
    -- Time of publication.
    at           timestamptz      NOT NULL,
    attempts     integer          NOT NULL,
    due_at       timestamptz,
    reason       text             NOT NULL,
    PRIMARY KEY (subscription, position)
);

-- Finds the first parked event of each key, which is retried next.
CREATE INDEX offshoot_parked_key_idx ON offshoot_parked (subscription, partition, key, position);

-- Counts parked events and dead letters for metrics without reading payloads.
CREATE INDEX offshoot_parked_state_idx ON offshoot_parked (subscription, attempts, due_at, at);
