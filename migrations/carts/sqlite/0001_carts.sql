-- offshoot: expand
--
-- Shopping carts: products and quantities, no prices.

CREATE TABLE carts (
    -- A UUID, 16 bytes.
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    -- Times are microseconds since 1970-01-01T00:00:00Z.
    created_at INTEGER NOT NULL,
    -- Time after which the cart may be removed. Each change of the cart moves this time forward.
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Finds expired carts to remove, oldest first.
CREATE INDEX carts_by_expiry ON carts (expires_at);

-- One row per product of a cart, clustered by cart.
CREATE TABLE cart_lines (
    cart_id BLOB NOT NULL REFERENCES carts (id),
    -- Product id of the catalog. No foreign key, because the catalog may be in another database.
    product_id BLOB NOT NULL CHECK (length(product_id) = 16),
    -- Place of the line in the cart: lines keep the order in which the products were first added.
    position INTEGER NOT NULL CHECK (position > 0),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (cart_id, product_id)
) STRICT, WITHOUT ROWID;
