-- offshoot: expand
--
-- Migrations of modules: intent, history and evidence. Never the authority for a module's writes.

-- One row for each module that was ever moved.
CREATE TABLE moves (
    -- Name of the module.
    module text COLLATE "C" PRIMARY KEY,
    -- Rises by one with each accepted change. Written only over the generation before.
    generation bigint NOT NULL CHECK (generation >= 0),
    -- Number of the last judged window. Rises without a new generation.
    judged bigint NOT NULL CHECK (judged >= 0),
    -- The record as JSON.
    record text NOT NULL
);

-- One row for each generation of each module. Append-only.
CREATE TABLE history (
    module text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    at timestamptz NOT NULL,
    -- The entry as JSON.
    entry text NOT NULL,
    PRIMARY KEY (module, generation)
);

CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history is append-only';
END
$$;

CREATE TRIGGER history_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();

-- One row for each process that follows the records. Whether a process lives is in offshoot_replicas.
CREATE TABLE members (
    -- Id of the process.
    instance uuid PRIMARY KEY,
    -- Host and process id, build, features, addresses, and the generation of each plan that the process runs, as JSON.
    state text NOT NULL
);

-- Counts of one stage and one build by each process, cumulative. Rows of killed processes stay.
CREATE TABLE evidence (
    module text COLLATE "C" NOT NULL,
    -- The generation that entered the stage.
    entered bigint NOT NULL,
    -- Build of the candidate.
    build text COLLATE "C" NOT NULL,
    -- Id of the process.
    instance uuid NOT NULL,
    -- The counts as JSON.
    counts text NOT NULL,
    PRIMARY KEY (module, entered, build, instance)
);

-- Classes of differences between the answers of both sides.
CREATE TABLE differences (
    module text COLLATE "C" NOT NULL,
    -- The generation that entered the stage.
    entered bigint NOT NULL,
    -- Build of the candidate.
    build text COLLATE "C" NOT NULL,
    -- Method, field and kind.
    class text COLLATE "C" NOT NULL,
    -- Number of differences of this class.
    seen bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    -- Redacted pairs of answers, as a JSON list.
    samples text NOT NULL,
    PRIMARY KEY (module, entered, build, class)
);
