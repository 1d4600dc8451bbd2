-- offshoot: expand
--
-- Copies of what the catalog and the inventory announce. Everything here comes from their events and can be made anew.

-- Products as the catalog announced them last. The SKU is the catalog's to keep unique, not a copy's to judge.
CREATE TABLE products_copy (
    -- The catalog's id, a UUID, 16 bytes.
    product_id BLOB PRIMARY KEY CHECK (length(product_id) = 16),
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    -- In ten-thousandths of the currency's unit.
    price INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    status TEXT NOT NULL CHECK (status IN ('active', 'discontinued')),
    -- Of the event that it is from, in the catalog's log: an older one changes nothing.
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is sold, in the order in which it is listed.
CREATE INDEX products_copy_by_sku ON products_copy (sku, product_id) WHERE status = 'active';

-- The same of one category.
CREATE INDEX products_copy_by_category ON products_copy (category, sku, product_id) WHERE status = 'active';

-- What can be had. Beside the products and not in them, because the two are heard of in any order: a product may have no
-- row here yet, and a row here no product.
CREATE TABLE stock_copy (
    product_id BLOB PRIMARY KEY CHECK (length(product_id) = 16),
    available INTEGER NOT NULL CHECK (available >= 0),
    -- In the inventory's log.
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
