-- offshoot: expand

-- Replicas: the processes that work on this data. Each process increments `heartbeats` about once a second. A process
-- removes the row of another process as dead once the count has stood still for long enough by the observer's clock.
-- Clocks of different processes are never compared, so a clock that jumps does no harm. `process` names the process
-- for operators. `offers` is a JSON list: the names of the work that the process would do under a lease.
CREATE TABLE offshoot_replicas (
    instance   BLOB    NOT NULL PRIMARY KEY CHECK (length(instance) = 16),
    heartbeats INTEGER NOT NULL,
    process    TEXT    NOT NULL,
    offers     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Leases for work that one process does at a time. `holder` is null while no process holds the lease. `token` rises
-- each time the lease is taken. A transaction of the work checks its token, so that a previous holder that does not
-- know of the loss can write nothing more.
CREATE TABLE offshoot_leases (
    name   TEXT    NOT NULL PRIMARY KEY,
    holder BLOB    CHECK (length(holder) = 16),
    token  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
