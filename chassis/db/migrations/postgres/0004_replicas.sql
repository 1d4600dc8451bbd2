-- offshoot: expand

-- Replicas: the processes that work on this data. Each process increments `heartbeats` about once a second. A process
-- removes the row of another process as dead once the count has stood still for long enough by the observer's clock.
-- Clocks of different processes are never compared, so a clock that jumps does no harm. `process` names the process
-- for operators. `offers` is a JSON list: the names of the work that the process would do under a lease.
CREATE TABLE offshoot_replicas (
    instance   uuid             NOT NULL PRIMARY KEY,
    heartbeats bigint           NOT NULL,
    process    text COLLATE "C" NOT NULL,
    offers     text             NOT NULL
);

-- Leases for work that one process does at a time. `holder` is null while no process holds the lease. `token` rises
-- each time the lease is taken. A transaction of the work checks its token and locks the row, so that a previous holder
-- that does not know of the loss can write nothing more.
CREATE TABLE offshoot_leases (
    name   text COLLATE "C" NOT NULL PRIMARY KEY,
    holder uuid,
    token  bigint           NOT NULL
);
