-- offshoot: expand

-- Sagas: changes that span modules, stored in the schema of the module that drives them, with their progress and
-- the time at which each is due next. A row is inserted in the transaction that decides the change, and is kept for ever as
-- proof that each step was done once.
CREATE TABLE offshoot_sagas (
    -- The subject and the saga's name: `trip_01h455vb4pex5vsknk084sn02q.booking`.
    id TEXT PRIMARY KEY,
    -- The entity that the saga changes. Subject and step name form the reference under which other modules record a
    -- step.
    subject TEXT NOT NULL,
    -- Kind and version of the saga's definition. A process that does not know this version leaves the saga to others.
    kind TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    -- `running`: an executor holds the lease of the saga until `due_at`. `waiting`: the saga is resumed after `due_at`. `stuck`:
    -- only an operator resumes the saga.
    state TEXT NOT NULL CHECK (state IN ('running', 'waiting', 'stuck', 'done', 'undone')),
    -- The saga is being undone, or was undone.
    undoing INTEGER NOT NULL CHECK (undoing IN (0, 1)),
    -- The saga has passed its point of no return. Stored so that an operator's tool need not know the definition.
    pivoted INTEGER NOT NULL CHECK (pivoted IN (0, 1)),
    -- An operator has requested the undo. The executor reads the request until the point of no return.
    undo_asked INTEGER NOT NULL CHECK (undo_asked IN (0, 1)),
    -- Number of completed stages.
    stage INTEGER NOT NULL CHECK (stage >= 0),
    -- Data of the definition, as JSON.
    data TEXT NOT NULL,
    -- Fencing token: rises each time an executor takes the saga. Every write names its attempt, so that an executor
    -- whose saga was taken over can write nothing.
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    -- Consecutive failed attempts.
    tries INTEGER NOT NULL CHECK (tries >= 0),
    -- Microseconds since 1970-01-01T00:00:00Z.
    due_at INTEGER,
    -- Time after which the saga is undone, unless the saga has passed its point of no return.
    give_up_at INTEGER,
    -- Why the last attempt failed.
    failure TEXT,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((due_at IS NOT NULL) = (state IN ('running', 'waiting')))
) STRICT, WITHOUT ROWID;

-- One open saga per subject.
CREATE UNIQUE INDEX offshoot_sagas_open ON offshoot_sagas (subject) WHERE state IN ('running', 'waiting', 'stuck');

-- Finds due sagas, the longest overdue first.
CREATE INDEX offshoot_sagas_due ON offshoot_sagas (due_at) WHERE due_at IS NOT NULL;

-- Finds all sagas of a subject, open or ended.
CREATE INDEX offshoot_sagas_subject ON offshoot_sagas (subject);

-- The steps of a saga in other modules. A row is written before the step's call and updated after it.
CREATE TABLE offshoot_saga_steps (
    saga TEXT NOT NULL REFERENCES offshoot_sagas (id),
    -- Order in which the steps were intended, from 1.
    position INTEGER NOT NULL CHECK (position > 0),
    step TEXT NOT NULL,
    -- The step that this step undoes.
    undoes TEXT,
    -- `refused`: the other module refused the step, which had no effect. `dropped`: the step is no longer wanted; if
    -- the step may have taken effect, another row undoes it.
    state TEXT NOT NULL CHECK (state IN ('intended', 'done', 'refused', 'dropped')),
    -- Failed attempts, and why the last one failed.
    tries INTEGER NOT NULL CHECK (tries >= 0),
    failure TEXT,
    intended_at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (saga, position),
    UNIQUE (saga, step),
    CHECK ((ended_at IS NULL) = (state = 'intended'))
) STRICT, WITHOUT ROWID;
