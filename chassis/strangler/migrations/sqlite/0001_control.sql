-- offshoot: expand
--
-- Migrations of modules: intent, history and evidence. Never the authority for a module's writes.

-- One row for each module that was ever moved.
CREATE TABLE moves (
    -- Name of the module.
    module TEXT NOT NULL PRIMARY KEY,
    -- Rises by one with each accepted change. Written only over the generation before.
    generation INTEGER NOT NULL CHECK (generation >= 0),
    -- Number of the last judged window. Rises without a new generation.
    judged INTEGER NOT NULL CHECK (judged >= 0),
    -- The record as JSON.
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each generation of each module. Append-only.
CREATE TABLE history (
    module TEXT NOT NULL,
    generation INTEGER NOT NULL,
    -- Microseconds since 1970-01-01T00:00:00Z.
    at INTEGER NOT NULL,
    -- The entry as JSON.
    entry TEXT NOT NULL,
    PRIMARY KEY (module, generation)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history BEGIN
    SELECT RAISE(ABORT, 'the history is append-only');
END;

CREATE TRIGGER history_is_not_removed BEFORE DELETE ON history BEGIN
    SELECT RAISE(ABORT, 'the history is append-only');
END;

-- One row for each process that follows the records. Whether a process lives is in offshoot_replicas.
CREATE TABLE members (
    -- Id of the process, a UUID, 16 bytes.
    instance BLOB NOT NULL PRIMARY KEY CHECK (length(instance) = 16),
    -- Host and process id, build, features, addresses, and the generation of each plan that the process runs, as JSON.
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Counts of one stage and one build by each process, cumulative. Rows of killed processes stay.
CREATE TABLE evidence (
    module TEXT NOT NULL,
    -- The generation that entered the stage.
    entered INTEGER NOT NULL,
    -- Build of the candidate.
    build TEXT NOT NULL,
    -- Id of the process, a UUID, 16 bytes.
    instance BLOB NOT NULL CHECK (length(instance) = 16),
    -- The counts as JSON.
    counts TEXT NOT NULL,
    PRIMARY KEY (module, entered, build, instance)
) STRICT, WITHOUT ROWID;

-- Classes of differences between the answers of both sides.
CREATE TABLE differences (
    module TEXT NOT NULL,
    -- The generation that entered the stage.
    entered INTEGER NOT NULL,
    -- Build of the candidate.
    build TEXT NOT NULL,
    -- Method, field and kind.
    class TEXT NOT NULL,
    -- Number of differences of this class.
    seen INTEGER NOT NULL,
    -- Microseconds since 1970-01-01T00:00:00Z.
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    -- Redacted pairs of answers, as a JSON list.
    samples TEXT NOT NULL,
    PRIMARY KEY (module, entered, build, class)
) STRICT, WITHOUT ROWID;
