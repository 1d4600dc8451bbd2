-- offshoot: expand
--
-- Payments and refunds, as requested from the payment provider. Card numbers and tokens are never stored.

-- One row per payment.
CREATE TABLE payments (
    -- Reference given by the caller, and key of the payment at the provider. Identifies the payment for ever.
    reference text COLLATE "C" PRIMARY KEY,
    -- `pending` is written before the call to the provider.
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'authorized', 'declined', 'captured', 'voided')),
    -- Ten-thousandths of the currency's unit. A payment voided before the authorization has 0 XXX, the ISO 4217 code
    -- for "no currency".
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    decline_reason text CHECK ((decline_reason IS NOT NULL) = (status = 'declined')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- One row per refund.
CREATE TABLE refunds (
    -- Reference given by the caller. Identifies the refund for ever.
    refund text COLLATE "C" PRIMARY KEY,
    -- Reference of the refunded payment.
    payment text COLLATE "C" NOT NULL REFERENCES payments (reference),
    amount bigint NOT NULL CHECK (amount > 0),
    -- False until the provider has executed the refund.
    done boolean NOT NULL,
    at timestamptz NOT NULL
);

-- Finds the refunds of a payment.
CREATE INDEX refunds_by_payment ON refunds (payment);
