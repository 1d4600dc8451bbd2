-- offshoot: expand
--
-- Projections of the catalog's products and of the inventory's stock. Built from events and can be rebuilt.

-- Products in the latest state that the catalog has published. No unique constraint on the SKU: the catalog guarantees
-- that SKUs are unique.
CREATE TABLE projected_products (
    -- Product id of the catalog, a UUID, 16 bytes.
    product_id BLOB PRIMARY KEY CHECK (length(product_id) = 16),
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    -- Ten-thousandths of the currency's unit.
    price INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    status TEXT NOT NULL CHECK (status IN ('active', 'discontinued')),
    -- Position in the catalog's log of the event that wrote this row. An older event never overwrites a newer row.
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Lists the active products in SKU order.
CREATE INDEX projected_products_by_sku ON projected_products (sku, product_id) WHERE status = 'active';

-- Lists the active products of one category in SKU order.
CREATE INDEX projected_products_by_category ON projected_products (category, sku, product_id) WHERE status = 'active';

-- Available stock. A table of its own, because events of the two modules arrive in any order: a product may have no row
-- here yet, and a row here no product.
CREATE TABLE projected_stock (
    product_id BLOB PRIMARY KEY CHECK (length(product_id) = 16),
    -- Units that can be reserved: on hand and not reserved.
    available INTEGER NOT NULL CHECK (available >= 0),
    -- Position in the inventory's log of the event that wrote this row. An older event never overwrites a newer row.
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
