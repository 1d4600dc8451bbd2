-- offshoot: expand
-- One row per reading, without a primary key: a station may report twice in the same microsecond.
CREATE TABLE readings (
    station text COLLATE "C" NOT NULL,
    celsius integer NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX readings_station_at ON readings (station, at);
