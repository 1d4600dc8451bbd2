-- offshoot: expand

-- Sagas: changes that span modules, stored in the schema of the module that drives them, with their progress and
-- the time at which each is due next. A row is inserted in the transaction that decides the change, and is kept for ever as
-- proof that each step was done once.
CREATE TABLE offshoot_sagas (
    -- The subject and the saga's name: `trip_01h455vb4pex5vsknk084sn02q.booking`.
    id text COLLATE "C" PRIMARY KEY,
    -- The entity that the saga changes. Subject and step name form the reference under which other modules record a
    -- step.
    subject text COLLATE "C" NOT NULL,
    -- Kind and version of the saga's definition. A process that does not know this version leaves the saga to others.
    kind text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    -- `running`: an executor holds the lease of the saga until `due_at`. `waiting`: the saga is resumed after `due_at`. `stuck`:
    -- only an operator resumes the saga.
    state text COLLATE "C" NOT NULL CHECK (state IN ('running', 'waiting', 'stuck', 'done', 'undone')),
    -- The saga is being undone, or was undone.
    undoing boolean NOT NULL,
    -- The saga has passed its point of no return. Stored so that an operator's tool need not know the definition.
    pivoted boolean NOT NULL,
    -- An operator has requested the undo. The executor reads the request until the point of no return.
    undo_asked boolean NOT NULL,
    -- Number of completed stages.
    stage bigint NOT NULL CHECK (stage >= 0),
    -- Data of the definition, as JSON. Text and not jsonb, because the data is only read as a whole.
    data text NOT NULL,
    -- Fencing token: rises each time an executor takes the saga. Every write names its attempt, so that an executor
    -- whose saga was taken over can write nothing.
    attempt bigint NOT NULL CHECK (attempt >= 0),
    -- Consecutive failed attempts.
    tries bigint NOT NULL CHECK (tries >= 0),
    due_at timestamptz,
    -- Time after which the saga is undone, unless the saga has passed its point of no return.
    give_up_at timestamptz,
    -- Why the last attempt failed.
    failure text,
    started_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((due_at IS NOT NULL) = (state IN ('running', 'waiting')))
);

-- One open saga per subject.
CREATE UNIQUE INDEX offshoot_sagas_open ON offshoot_sagas (subject) WHERE state IN ('running', 'waiting', 'stuck');

-- Finds due sagas, the longest overdue first.
CREATE INDEX offshoot_sagas_due ON offshoot_sagas (due_at) WHERE due_at IS NOT NULL;

-- Finds all sagas of a subject, open or ended.
CREATE INDEX offshoot_sagas_subject ON offshoot_sagas (subject);

-- The steps of a saga in other modules. A row is written before the step's call and updated after it.
CREATE TABLE offshoot_saga_steps (
    saga text COLLATE "C" NOT NULL REFERENCES offshoot_sagas (id),
    -- Order in which the steps were intended, from 1.
    position bigint NOT NULL CHECK (position > 0),
    step text COLLATE "C" NOT NULL,
    -- The step that this step undoes.
    undoes text COLLATE "C",
    -- `refused`: the other module refused the step, which had no effect. `dropped`: the step is no longer wanted; if
    -- the step may have taken effect, another row undoes it.
    state text COLLATE "C" NOT NULL CHECK (state IN ('intended', 'done', 'refused', 'dropped')),
    -- Failed attempts, and why the last one failed.
    tries bigint NOT NULL CHECK (tries >= 0),
    failure text,
    intended_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (saga, position),
    UNIQUE (saga, step),
    CHECK ((ended_at IS NULL) = (state = 'intended'))
);
