-- offshoot: expand

-- How far this module has handled another one's events, by subscription and partition. Moved in the transaction that holds
-- the effect. `token` rises when a worker takes the partition up and when an operator moves the cursor: a worker that does
-- not know yet writes nothing more. `log_id` is none before the first read. `held` says why nothing is handled, until an
-- operator decides.
CREATE TABLE offshoot_cursors (
    subscription text COLLATE "C" NOT NULL,
    partition    integer          NOT NULL CHECK (partition BETWEEN 0 AND 63),
    module       text COLLATE "C" NOT NULL,
    log_id       uuid,
    position     bigint           NOT NULL,
    -- Everything that was announced before is handled: how old a copy is.
    current_at   timestamptz,
    token        bigint           NOT NULL,
    held         text,
    -- What had been removed from the log when it was read last: nothing may be removed in between that is not handled.
    removed      bigint           NOT NULL,
    -- Whether this keeps a copy, which can be made anew, and whether it is to be emptied before it goes on.
    copies       boolean          NOT NULL,
    rebuild      boolean          NOT NULL,
    PRIMARY KEY (subscription, partition)
);

-- Events that could not be handled, and those of the same key behind them. The first of a key is tried again at `due_at`;
-- with none it is dead until an operator has it tried again or skipped. Those behind it have no attempts.
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

-- The first of each key is the next one of that key to be tried.
CREATE INDEX offshoot_parked_key_idx ON offshoot_parked (subscription, partition, key, position);
