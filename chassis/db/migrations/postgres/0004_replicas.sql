-- offshoot: expand

-- The processes that work on this data. Each raises its `beats` about once a second. Whoever has seen a row stand still
-- for long enough, by a clock of its own, takes its process for dead and removes it: no two clocks are ever compared,
-- and one that jumps does nothing. `offers` is a JSON list of what the process would do if it had the lease for it.
CREATE TABLE offshoot_replicas (
    instance uuid             NOT NULL PRIMARY KEY,
    beats    bigint           NOT NULL,
    place    text COLLATE "C" NOT NULL,
    offers   text             NOT NULL
);

-- Work that one process does at a time. `holder` is none while nobody does it. `token` rises each time the lease is
-- taken; a transaction of the work looks for its token and locks the row, so that an earlier holder, who does not know
-- yet, writes nothing more.
CREATE TABLE offshoot_leases (
    name   text COLLATE "C" NOT NULL PRIMARY KEY,
    holder uuid,
    token  bigint           NOT NULL
);
