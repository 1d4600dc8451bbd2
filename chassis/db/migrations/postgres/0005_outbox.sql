-- offshoot: expand

-- Outbox: the events that this module publishes, each written in the transaction of the change.
--
-- `position` is assigned after the commit, under the row lock of `offshoot_log`, to committed events without a
-- position, in the order of `id`. No smaller position becomes visible later, so a reader that has read up to a position
-- has missed no event. Numbers from a sequence lack this guarantee: a transaction that begins early and commits late
-- adds a number behind the reader. Events of one key keep the order in which writers held the key's row, because the
-- later writer inserts after the earlier one has committed.
--
-- `bucket` is a hash of the key, 0 to 63, by which subscriptions partition the work. `lasting`: the payload is the
-- whole state of the key, so retention keeps the newest event of each key for ever. `payload` is text and not jsonb, so that
-- readers get the bytes as written.
CREATE TABLE offshoot_events (
    id       bigint           NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position bigint,
    name     text COLLATE "C" NOT NULL,
    version  integer          NOT NULL,
    key      text COLLATE "C" NOT NULL,
    bucket   integer          NOT NULL CHECK (bucket BETWEEN 0 AND 63),
    lasting  boolean          NOT NULL,
    payload  text             NOT NULL,
    at       timestamptz      NOT NULL
);

-- For readers, which read by position. Events without a position are only in the next index.
CREATE UNIQUE INDEX offshoot_events_position_idx ON offshoot_events (position) WHERE position IS NOT NULL;
-- Finds events without a position, of which there are few at any time.
CREATE INDEX offshoot_events_unnumbered_idx ON offshoot_events (id) WHERE position IS NULL;

-- State of the log, one row. `log_id` identifies the log, so that readers notice another log of the same module, such
-- as a restored backup. `removed_through` is the highest position that retention has removed. The last assigned
-- position is the greater of `removed_through` and the highest position in `offshoot_events`.
CREATE TABLE offshoot_log (
    one             integer NOT NULL PRIMARY KEY CHECK (one = 1),
    log_id          uuid    NOT NULL,
    removed_through bigint  NOT NULL
);

INSERT INTO offshoot_log (one, log_id, removed_through) VALUES (1, gen_random_uuid(), 0);

-- The position that each reader last reported as handled. Retention keeps the events after the lowest reported
-- position. `reader` is `<module>/<subscription>/<partition>` of the subscribing module. `at` is the time of the report.
CREATE TABLE offshoot_readers (
    reader   text COLLATE "C" NOT NULL PRIMARY KEY,
    position bigint           NOT NULL,
    at       timestamptz      NOT NULL
);
