-- offshoot: expand

-- Nothing: SQLite asks for role and recorded answer with a plain query after BEGIN IMMEDIATE, whose lock excludes every
-- other writer and thereby every fence. The number is kept, so that both engines have the same history.
