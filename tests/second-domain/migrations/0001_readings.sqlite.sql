-- offshoot: expand
-- One row per report. Several stations may report at once, and one station twice in a microsecond, so there is no key
-- beside the row's own.
CREATE TABLE readings (
    station TEXT NOT NULL,
    celsius INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX readings_station_at ON readings (station, at);
