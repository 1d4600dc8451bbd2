-- offshoot: expand
--
-- Projection of the catalog's products, so that carts can be read and filled while the catalog is unreachable. Built
-- from events and can be rebuilt. Contains only the product fields that a cart line shows.

CREATE TABLE projected_products (
    -- Product id of the catalog.
    product_id BLOB PRIMARY KEY CHECK (length(product_id) = 16),
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Ten-thousandths of the currency's unit.
    price INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    status TEXT NOT NULL CHECK (status IN ('active', 'discontinued')),
    -- Version of the product in the catalog. Rises with each change; an older event never overwrites a newer row.
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
