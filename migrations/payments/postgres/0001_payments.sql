-- offshoot: expand
--
-- Money of orders, as the payment provider was asked to move it. No card and no token is ever kept.

CREATE TABLE payments (
    -- The caller's name for it, and ours towards the provider. Stands for it for ever.
    reference text COLLATE "C" PRIMARY KEY,
    -- `pending`: the provider was asked, or will be. Written before it is.
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'authorized', 'declined', 'captured', 'voided')),
    -- Ten-thousandths of the currency's unit. Of a payment that was voided before it was asked for: 0 of XXX, which is
    -- ISO 4217's code for no currency.
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    decline_reason text CHECK ((decline_reason IS NOT NULL) = (status = 'declined')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE refunds (
    -- The caller's name for it.
    refund text COLLATE "C" PRIMARY KEY,
    payment text COLLATE "C" NOT NULL REFERENCES payments (reference),
    amount bigint NOT NULL CHECK (amount > 0),
    -- False from when it was decided until the provider has done it.
    done boolean NOT NULL,
    at timestamptz NOT NULL
);

-- What was given back of a payment.
CREATE INDEX refunds_by_payment ON refunds (payment);
