-- offshoot: expand
--
-- A copy of what the catalog announces of its products, so that a cart can be shown and filled while the catalog is away.
-- It comes from events and can be made anew. As much of a product as a line of a cart shows, and no more.

CREATE TABLE known_products (
    -- The catalog's id.
    product_id BLOB PRIMARY KEY CHECK (length(product_id) = 16),
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    -- In ten-thousandths of the currency's unit.
    price INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    status TEXT NOT NULL CHECK (status IN ('active', 'discontinued')),
    -- The catalog's version of the product: rises with each change, so an older one changes nothing.
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
