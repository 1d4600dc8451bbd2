-- offshoot: expand
--
-- Payments and refunds, as requested from the payment provider. Card numbers and tokens are never stored.

-- One row per payment.
CREATE TABLE payments (
    -- Reference given by the caller, and key of the payment at the provider. Identifies the payment for ever.
    reference TEXT PRIMARY KEY,
    -- `pending` is written before the call to the provider.
    status TEXT NOT NULL CHECK (status IN ('pending', 'authorized', 'declined', 'captured', 'voided')),
    -- Ten-thousandths of the currency's unit. A payment voided before the authorization has 0 XXX, the ISO 4217 code
    -- for "no currency".
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    decline_reason TEXT CHECK ((decline_reason IS NOT NULL) = (status = 'declined')),
    -- Microseconds since 1970-01-01T00:00:00Z.
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per refund.
CREATE TABLE refunds (
    -- Reference given by the caller. Identifies the refund for ever.
    refund TEXT PRIMARY KEY,
    -- Reference of the refunded payment.
    payment TEXT NOT NULL REFERENCES payments (reference),
    amount INTEGER NOT NULL CHECK (amount > 0),
    -- 0 until the provider has executed the refund.
    done INTEGER NOT NULL CHECK (done IN (0, 1)),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Finds the refunds of a payment.
CREATE INDEX refunds_by_payment ON refunds (payment);
