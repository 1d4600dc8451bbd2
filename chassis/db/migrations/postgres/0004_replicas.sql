-- offshoot: expand

-- The processes that work on this data. Each process increments `beats`, its heartbeat, about once a second. A process
-- that sees the heartbeat of another one stand still for long enough, by its own clock, removes the other's row as
-- dead. Clocks of different processes are never compared, so a clock that jumps does no harm. `offers` is a JSON list
-- of the work that the process would do under a lease.
CREATE TABLE offshoot_replicas (
    instance uuid             NOT NULL PRIMARY KEY,
    beats    bigint           NOT NULL,
    place    text COLLATE "C" NOT NULL,
    offers   text             NOT NULL
);

-- Leases for work that one process does at a time. `holder` is null while no process holds the lease. `token` rises
-- each time the lease is taken. A transaction of the work checks its token and locks the row, so that a previous holder
-- that does not know of the loss can write nothing more.
CREATE TABLE offshoot_leases (
    name   text COLLATE "C" NOT NULL PRIMARY KEY,
    holder uuid,
    token  bigint           NOT NULL
);
