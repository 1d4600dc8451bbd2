-- offshoot: expand
--
-- Projection of the catalog's products, so that carts can be read and filled while the catalog is unreachable. Built
-- from events and can be rebuilt. Contains only the product fields that a cart line shows.

CREATE TABLE projected_products (
    -- Product id of the catalog.
    product_id uuid PRIMARY KEY,
    sku text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    -- Ten-thousandths of the currency's unit.
    price bigint NOT NULL,
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'discontinued')),
    -- Version of the product in the catalog. Rises with each change; an older event never overwrites a newer row.
    version bigint NOT NULL
);
