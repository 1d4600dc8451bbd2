-- offshoot: expand
--
-- What shoppers intend to buy: products and quantities, no prices.

CREATE TABLE carts (
    -- A UUID, 16 bytes.
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    -- Times are microseconds since 1970-01-01T00:00:00Z.
    created_at INTEGER NOT NULL,
    -- Moves forward each time the cart is touched.
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Finds the carts that expired long ago, the oldest first.
CREATE INDEX carts_by_expiry ON carts (expires_at);

-- One row per product of a cart, stored cart by cart.
CREATE TABLE cart_lines (
    cart_id BLOB NOT NULL REFERENCES carts (id),
    -- The catalog's id. The catalog may live in another database, so nothing here can refer to it.
    product_id BLOB NOT NULL CHECK (length(product_id) = 16),
    -- Where the line stands in its cart: in the order in which the products were first put in.
    position INTEGER NOT NULL CHECK (position > 0),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (cart_id, product_id)
) STRICT, WITHOUT ROWID;
