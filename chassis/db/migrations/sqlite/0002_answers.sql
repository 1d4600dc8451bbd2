-- offshoot: expand

-- Idempotency records: the responses of calls with an idempotency key, written in the transaction of the call. `scope`
-- is a hash over tenant, principal, module, major version, method and key. `arguments` is a hash over the arguments, so
-- that a key cannot be reused for other arguments. `answer`, the response, is JSON text, so that a repeated call gets
-- the same bytes.
CREATE TABLE offshoot_answers (
    scope      BLOB    NOT NULL PRIMARY KEY CHECK (length(scope) = 32),
    arguments  BLOB    NOT NULL CHECK (length(arguments) = 32),
    answer     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Expired records are deleted oldest first.
CREATE INDEX offshoot_answers_expires_at_idx ON offshoot_answers (expires_at);
