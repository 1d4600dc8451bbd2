-- offshoot: expand
--
-- What shoppers intend to buy: products and quantities, no prices.

CREATE TABLE carts (
    id uuid PRIMARY KEY,
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL,
    -- Moves forward each time the cart is touched.
    expires_at timestamptz NOT NULL
);

-- Finds the carts that expired long ago, the oldest first.
CREATE INDEX carts_by_expiry ON carts (expires_at);

-- One row per product of a cart.
CREATE TABLE cart_lines (
    cart_id uuid NOT NULL REFERENCES carts (id),
    -- The catalog's id. The catalog may live in another database, so nothing here can refer to it.
    product_id uuid NOT NULL,
    -- Where the line stands in its cart: in the order in which the products were first put in.
    position bigint NOT NULL CHECK (position > 0),
    quantity bigint NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (cart_id, product_id)
);
