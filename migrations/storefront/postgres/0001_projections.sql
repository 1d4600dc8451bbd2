-- offshoot: expand
--
-- Copies of what the catalog and the inventory announce. Everything here comes from their events and can be made anew.

-- Products as the catalog announced them last. The SKU is the catalog's to keep unique, not a copy's to judge.
CREATE TABLE products_copy (
    -- The catalog's id.
    product_id uuid PRIMARY KEY,
    sku text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    -- In ten-thousandths of the currency's unit.
    price bigint NOT NULL,
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'discontinued')),
    -- Of the event that it is from, in the catalog's log: an older one changes nothing.
    position bigint NOT NULL
);

-- What is sold, in the order in which it is listed.
CREATE INDEX products_copy_by_sku ON products_copy (sku, product_id) WHERE status = 'active';

-- The same of one category.
CREATE INDEX products_copy_by_category ON products_copy (category, sku, product_id) WHERE status = 'active';

-- What can be had. Beside the products and not in them, because the two are heard of in any order: a product may have no
-- row here yet, and a row here no product. Rows change often and no index is on what changes, so room is left for
-- them to change in place.
CREATE TABLE stock_copy (
    product_id uuid PRIMARY KEY,
    available bigint NOT NULL CHECK (available >= 0),
    -- In the inventory's log.
    position bigint NOT NULL
) WITH (fillfactor = 80);
