-- offshoot: expand

-- The answers of calls made under an idempotency key, written in the transaction that made them. `scope` hashes who
-- called what under which key; `arguments` hashes what was asked, so that a key is not used again for something else.
-- The answer is JSON as text: it is given back as it was, byte for byte.
CREATE TABLE offshoot_answers (
    scope      BLOB    NOT NULL PRIMARY KEY CHECK (length(scope) = 32),
    arguments  BLOB    NOT NULL CHECK (length(arguments) = 32),
    answer     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Expired answers are removed oldest first.
CREATE INDEX offshoot_answers_expires_at_idx ON offshoot_answers (expires_at);
