-- offshoot: expand

-- Changes that span modules, in the schema of the module that drives them: how far each came, who works on it now, and
-- when somebody looks next. A row is written in the transaction that decides the change and is kept for ever: it is
-- what proves afterwards that each step was done once.
CREATE TABLE offshoot_sagas (
    -- The subject and a name of its own: `trip_01h455vb4pex5vsknk084sn02q.booking`.
    id TEXT PRIMARY KEY,
    -- What it is about. With a step's name it is the key under which other modules keep what was done.
    subject TEXT NOT NULL,
    -- Which definition says what it does. A process that does not know this version leaves it alone.
    kind TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    -- `running`: somebody has it until `due_at`. `waiting`: it is taken up after `due_at`. `stuck`: only an operator sets
    -- it going again.
    state TEXT NOT NULL CHECK (state IN ('running', 'waiting', 'stuck', 'done', 'undone')),
    -- It does not go on but takes back what it did.
    undoing INTEGER NOT NULL CHECK (undoing IN (0, 1)),
    -- It has passed its point of no return. Kept here so that an operator's tool need not know the definition.
    pivoted INTEGER NOT NULL CHECK (pivoted IN (0, 1)),
    -- An operator wants it undone. Whoever has it sees that before the point of no return.
    undo_asked INTEGER NOT NULL CHECK (undo_asked IN (0, 1)),
    -- Stages that are behind it.
    stage INTEGER NOT NULL CHECK (stage >= 0),
    -- What the definition keeps, as JSON. Only ever read whole.
    data TEXT NOT NULL,
    -- The fencing token: rises each time that somebody takes it up. Who writes says under which attempt, and one that was
    -- taken over writes nothing.
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    -- Vain attempts in a row.
    tries INTEGER NOT NULL CHECK (tries >= 0),
    -- Microseconds since 1970-01-01T00:00:00Z.
    due_at INTEGER,
    -- When it is undone if it has not passed its point of no return.
    give_up_at INTEGER,
    -- Why the last attempt was in vain.
    failure TEXT,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((due_at IS NOT NULL) = (state IN ('running', 'waiting')))
) STRICT, WITHOUT ROWID;

-- One at a time about one subject.
CREATE UNIQUE INDEX offshoot_sagas_open ON offshoot_sagas (subject) WHERE state IN ('running', 'waiting', 'stuck');

-- What nobody works on, the longest abandoned first.
CREATE INDEX offshoot_sagas_due ON offshoot_sagas (due_at) WHERE due_at IS NOT NULL;

-- All about one subject, over or not.
CREATE INDEX offshoot_sagas_subject ON offshoot_sagas (subject);

-- What each does elsewhere, written before it is done and after.
CREATE TABLE offshoot_saga_steps (
    saga TEXT NOT NULL REFERENCES offshoot_sagas (id),
    -- In the sequence in which they were intended, from 1.
    position INTEGER NOT NULL CHECK (position > 0),
    step TEXT NOT NULL,
    -- The step that this one takes back.
    undoes TEXT,
    -- `refused`: it cannot be done, and was not. `dropped`: it is not to be done after all; where nobody knows whether it
    -- was, another row takes it back.
    state TEXT NOT NULL CHECK (state IN ('intended', 'done', 'refused', 'dropped')),
    -- Vain attempts, and why the last was.
    tries INTEGER NOT NULL CHECK (tries >= 0),
    failure TEXT,
    intended_at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (saga, position),
    UNIQUE (saga, step),
    CHECK ((ended_at IS NULL) = (state = 'intended'))
) STRICT, WITHOUT ROWID;
