-- offshoot: expand

-- The cursor of this module in another module's log, per subscription and partition. The transaction that handles an
-- event also moves the cursor. `token` rises when a worker takes the partition and when an operator moves the cursor,
-- so that a previous worker can write nothing more. `log_id` is null before the first read. `held` is the reason why
-- the partition handles no events until an operator decides.
CREATE TABLE offshoot_cursors (
    subscription text COLLATE "C" NOT NULL,
    partition    integer          NOT NULL CHECK (partition BETWEEN 0 AND 63),
    module       text COLLATE "C" NOT NULL,
    log_id       uuid,
    position     bigint           NOT NULL,
    -- Every event published before this time is handled: the age of a projection.
    current_at   timestamptz,
    token        bigint           NOT NULL,
    held         text,
    -- The log's `removed` at the last read. An event removed since then without being handled is a gap.
    removed      bigint           NOT NULL,
    -- Whether the subscription keeps a projection, which can be rebuilt, and whether the projection must be cleared
    -- before the next event.
    copies       boolean          NOT NULL,
    rebuild      boolean          NOT NULL,
    PRIMARY KEY (subscription, partition)
);

-- Parked events: events whose handling failed, and later events of the same key. The first event of a key is retried at
-- `due_at`. Without `due_at` the event is a dead letter: its retries are exhausted, and an operator retries or skips
-- it. Later events of the key have no attempts.
CREATE TABLE offshoot_parked (
    subscription text COLLATE "C" NOT NULL,
    position     bigint           NOT NULL,
    partition    integer          NOT NULL,
    name         text COLLATE "C" NOT NULL,
    version      integer          NOT NULL,
    key          text COLLATE "C" NOT NULL,
    payload      text             NOT NULL,
    at           timestamptz      NOT NULL,
    attempts     integer          NOT NULL,
    due_at       timestamptz,
    reason       text             NOT NULL,
    PRIMARY KEY (subscription, position)
);

-- Finds the first parked event of each key, which is retried next.
CREATE INDEX offshoot_parked_key_idx ON offshoot_parked (subscription, partition, key, position);
