-- offshoot: expand
--
-- Projections of the catalog's products and of the inventory's stock. Built from events and can be rebuilt.

-- Products in the latest state that the catalog has published. No unique constraint on the SKU: the catalog guarantees
-- that SKUs are unique.
CREATE TABLE projected_products (
    -- Product id of the catalog.
    product_id uuid PRIMARY KEY,
    sku text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    -- Ten-thousandths of the currency's unit.
    price bigint NOT NULL,
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'discontinued')),
    -- Position in the catalog's log of the event that wrote this row. An older event never overwrites a newer row.
    position bigint NOT NULL
);

-- Lists the active products in SKU order.
CREATE INDEX projected_products_by_sku ON projected_products (sku, product_id) WHERE status = 'active';

-- Lists the active products of one category in SKU order.
CREATE INDEX projected_products_by_category ON projected_products (category, sku, product_id) WHERE status = 'active';

-- Available stock. A table of its own, because events of the two modules arrive in any order: a product may have no row
-- here yet, and a row here no product. Rows change often and no index covers the changed columns, so each page keeps
-- free space for updates in the same page (HOT).
CREATE TABLE projected_stock (
    product_id uuid PRIMARY KEY,
    -- Units that can be reserved: on hand and not reserved.
    available bigint NOT NULL CHECK (available >= 0),
    -- Position in the inventory's log of the event that wrote this row. An older event never overwrites a newer row.
    position bigint NOT NULL
) WITH (fillfactor = 80);
