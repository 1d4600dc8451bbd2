-- offshoot: expand
--
-- Shopping carts: products and quantities, no prices.

CREATE TABLE carts (
    id uuid PRIMARY KEY,
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL,
    -- Time after which the cart may be removed. Each change of the cart moves this time forward.
    expires_at timestamptz NOT NULL
);

-- Finds expired carts to remove, oldest first.
CREATE INDEX carts_by_expiry ON carts (expires_at);

-- One row per product of a cart.
CREATE TABLE cart_lines (
    cart_id uuid NOT NULL REFERENCES carts (id),
    -- Product id of the catalog. No foreign key, because the catalog may be in another database.
    product_id uuid NOT NULL,
    -- Place of the line in the cart: lines keep the order in which the products were first added.
    position bigint NOT NULL CHECK (position > 0),
    quantity bigint NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (cart_id, product_id)
);
