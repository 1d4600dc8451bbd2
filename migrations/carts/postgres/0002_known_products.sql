-- offshoot: expand
--
-- A copy of what the catalog announces of its products, so that a cart can be shown and filled while the catalog is away.
-- It comes from events and can be made anew. As much of a product as a line of a cart shows, and no more.

CREATE TABLE known_products (
    -- The catalog's id.
    product_id uuid PRIMARY KEY,
    sku text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    -- In ten-thousandths of the currency's unit.
    price bigint NOT NULL,
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'discontinued')),
    -- The catalog's version of the product: rises with each change, so an older one changes nothing.
    version bigint NOT NULL
);
