-- offshoot: expand

-- Changes that span modules, in the schema of the module that drives them: how far each came, who works on it now, and
-- when somebody looks next. A row is written in the transaction that decides the change and is kept for ever: it is
-- what proves afterwards that each step was done once.
CREATE TABLE offshoot_sagas (
    -- The subject and a name of its own: `trip_01h455vb4pex5vsknk084sn02q.booking`.
    id text COLLATE "C" PRIMARY KEY,
    -- What it is about. With a step's name it is the key under which other modules keep what was done.
    subject text COLLATE "C" NOT NULL,
    -- Which definition says what it does. A process that does not know this version leaves it alone.
    kind text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    -- `running`: somebody has it until `due_at`. `waiting`: it is taken up after `due_at`. `stuck`: only an operator sets
    -- it going again.
    state text COLLATE "C" NOT NULL CHECK (state IN ('running', 'waiting', 'stuck', 'done', 'undone')),
    -- It does not go on but takes back what it did.
    undoing boolean NOT NULL,
    -- It has passed its point of no return. Kept here so that an operator's tool need not know the definition.
    pivoted boolean NOT NULL,
    -- An operator wants it undone. Whoever has it sees that before the point of no return.
    undo_asked boolean NOT NULL,
    -- Stages that are behind it.
    stage bigint NOT NULL CHECK (stage >= 0),
    -- What the definition keeps, as JSON. Text, because it is only ever read whole.
    data text NOT NULL,
    -- The fencing token: rises each time that somebody takes it up. Who writes says under which attempt, and one that was
    -- taken over writes nothing.
    attempt bigint NOT NULL CHECK (attempt >= 0),
    -- Vain attempts in a row.
    tries bigint NOT NULL CHECK (tries >= 0),
    due_at timestamptz,
    -- When it is undone if it has not passed its point of no return.
    give_up_at timestamptz,
    -- Why the last attempt was in vain.
    failure text,
    started_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((due_at IS NOT NULL) = (state IN ('running', 'waiting')))
);

-- One at a time about one subject.
CREATE UNIQUE INDEX offshoot_sagas_open ON offshoot_sagas (subject) WHERE state IN ('running', 'waiting', 'stuck');

-- What nobody works on, the longest abandoned first.
CREATE INDEX offshoot_sagas_due ON offshoot_sagas (due_at) WHERE due_at IS NOT NULL;

-- All about one subject, over or not.
CREATE INDEX offshoot_sagas_subject ON offshoot_sagas (subject);

-- What each does elsewhere, written before it is done and after.
CREATE TABLE offshoot_saga_steps (
    saga text COLLATE "C" NOT NULL REFERENCES offshoot_sagas (id),
    -- In the sequence in which they were intended, from 1.
    position bigint NOT NULL CHECK (position > 0),
    step text COLLATE "C" NOT NULL,
    -- The step that this one takes back.
    undoes text COLLATE "C",
    -- `refused`: it cannot be done, and was not. `dropped`: it is not to be done after all; where nobody knows whether it
    -- was, another row takes it back.
    state text COLLATE "C" NOT NULL CHECK (state IN ('intended', 'done', 'refused', 'dropped')),
    -- Vain attempts, and why the last was.
    tries bigint NOT NULL CHECK (tries >= 0),
    failure text,
    intended_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (saga, position),
    UNIQUE (saga, step),
    CHECK ((ended_at IS NULL) = (state = 'intended'))
);
