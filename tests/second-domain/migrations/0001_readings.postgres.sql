-- offshoot: expand
-- One row per report. Several stations may report at once, and one station twice in a microsecond, so there is no key
-- beside the row's own.
CREATE TABLE readings (
    station text COLLATE "C" NOT NULL,
    celsius integer NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX readings_station_at ON readings (station, at);
