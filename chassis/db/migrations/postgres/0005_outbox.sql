-- offshoot: expand

-- What this module announces, written in the transaction that did it.
--
-- `position` is given after the commit, by whoever holds the row of `offshoot_log`: to the committed events that have none,
-- in the order of `id`. A position is therefore never followed by a smaller one that was not visible before, and whoever
-- has read up to a position has missed nothing. Numbers from a sequence do not have that: a transaction that began early
-- and commits late makes one appear behind the reader. Of one key the order is that in which writers held its row, since
-- the later one inserts after the earlier one has committed.
--
-- `bucket` is a hash of the key, 0 to 63, by which subscriptions divide the work. `lasting`: the payload is the whole state of
-- the key, so the newest one of each key is kept for ever. `payload` is text, not jsonb: it is given as it was written.
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

-- Readers go by position. Those without are in the other index only.
CREATE UNIQUE INDEX offshoot_events_position_idx ON offshoot_events (position) WHERE position IS NOT NULL;
-- Finds what has none, which are few at any time.
CREATE INDEX offshoot_events_unnumbered_idx ON offshoot_events (id) WHERE position IS NULL;

-- One row. `log_id` names this log: another one under the same name, such as a restored backup, has another id, and readers
-- notice. `removed` is the highest position that was removed for its age: the last one given is that, or the highest there is.
CREATE TABLE offshoot_log (
    one     integer NOT NULL PRIMARY KEY CHECK (one = 1),
    log_id  uuid    NOT NULL,
    removed bigint  NOT NULL
);

INSERT INTO offshoot_log (one, log_id, removed) VALUES (1, gen_random_uuid(), 0);

-- How far each subscription has read, as far as it was said here: nothing that somebody still reads is removed. `at` is when
-- it was last heard of.
CREATE TABLE offshoot_readers (
    subscription text COLLATE "C" NOT NULL PRIMARY KEY,
    position     bigint           NOT NULL,
    at           timestamptz      NOT NULL
);
