-- offshoot: expand

-- Empty: SQLite reads the ownership role and the recorded response with a plain query after BEGIN IMMEDIATE, whose lock
-- excludes every other writer and so every fence. The number is kept, so that both engines have the same history.
