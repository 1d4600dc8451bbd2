-- offshoot: expand
--
-- Money of orders, as the payment provider was asked to move it. No card and no token is ever kept.

CREATE TABLE payments (
    -- The caller's name for it, and ours towards the provider. Stands for it for ever.
    reference TEXT PRIMARY KEY,
    -- `pending`: the provider was asked, or will be. Written before it is.
    status TEXT NOT NULL CHECK (status IN ('pending', 'authorized', 'declined', 'captured', 'voided')),
    -- Ten-thousandths of the currency's unit. Of a payment that was voided before it was asked for: 0 of XXX, which is
    -- ISO 4217's code for no currency.
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    decline_reason TEXT CHECK ((decline_reason IS NOT NULL) = (status = 'declined')),
    -- Microseconds since 1970-01-01T00:00:00Z.
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE refunds (
    -- The caller's name for it.
    refund TEXT PRIMARY KEY,
    payment TEXT NOT NULL REFERENCES payments (reference),
    amount INTEGER NOT NULL CHECK (amount > 0),
    -- 0 from when it was decided until the provider has done it.
    done INTEGER NOT NULL CHECK (done IN (0, 1)),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was given back of a payment.
CREATE INDEX refunds_by_payment ON refunds (payment);
