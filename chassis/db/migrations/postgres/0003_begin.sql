-- offshoot: expand

-- Called in the first message of a transaction. Returns the ownership role of this database, and the response recorded
-- under the call's key (`call_scope`, null without a key). `now_micros` is in microseconds since 1970.
--
-- VOLATILE, so that each statement below sees all earlier commits. In a STABLE function, or in the statement that takes
-- the lock, the role would be read as of before the fence for which the lock has waited.
--
-- The second lock makes a repeated call wait for the first call under the same key and then find the recorded response.
-- Without the lock the repeated call would do the work again and conflict with the rows of the first call. The lock
-- uses the key space of two-part keys, apart from the lock of the owner. Two scopes that share 64 bits only wait for
-- each other.
CREATE FUNCTION offshoot_begin(call_scope bytea, now_micros bigint)
RETURNS TABLE (role text, epoch bigint, arguments bytea, answer text)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(o.lock_key) FROM offshoot_owner o;
    IF call_scope IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(
            ('x' || encode(substr(call_scope, 1, 4), 'hex'))::bit(32)::integer,
            ('x' || encode(substr(call_scope, 5, 4), 'hex'))::bit(32)::integer
        );
    END IF;
    RETURN QUERY
        SELECT o.role, o.epoch, a.arguments, a.answer
        FROM offshoot_owner o
        LEFT JOIN offshoot_answers a
            ON a.scope = call_scope
            AND a.expires_at > timestamptz 'epoch' + now_micros * interval '1 microsecond';
END
$$;
