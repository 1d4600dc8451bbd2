-- offshoot: expand
-- One row per reading, without a primary key: a station may report twice in the same microsecond.
CREATE TABLE readings (
    station TEXT NOT NULL,
    celsius INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX readings_station_at ON readings (station, at);
