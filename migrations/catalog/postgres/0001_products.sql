-- offshoot: expand
--
-- Products and their price history.

-- One row per product. Rows are never deleted, because other modules store product ids. All texts use the collation
-- "C": bytewise comparison and order, as on SQLite, independent of the server's locale.
CREATE TABLE products (
    id uuid PRIMARY KEY,
    -- Real stock codes differ in case alone (15056BL and 15056bl are two products).
    sku text COLLATE "C" NOT NULL UNIQUE CHECK (sku <> ''),
    -- Length limits of texts are defined by the contract, so that raising a limit needs no migration.
    name text COLLATE "C" NOT NULL CHECK (name <> ''),
    description text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL CHECK (category ~ '^[a-z0-9-]+$'),
    -- Money is two columns: ten-thousandths of a unit, because real prices have three decimals, and ISO 4217.
    price bigint NOT NULL CHECK (price > 0),
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Start time of the current price: the time of the latest row in `price_history`. Stored here so that recording a
    -- historical price can compare its time with the current price.
    price_since timestamptz NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'discontinued')),
    version bigint NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Search words of SKU, name and description, written by modules/catalog/src/search.rs: letters and digits only,
    -- separated by one space. The application splits the words so that both engines search the same words.
    sku_words text COLLATE "C" NOT NULL,
    name_words text COLLATE "C" NOT NULL,
    description_words text COLLATE "C" NOT NULL,
    -- Indexed by the search. `array_to_tsvector` keeps the words unchanged; `to_tsvector`, with any configuration,
    -- would split them again with the parser of the server's locale.
    search tsvector NOT NULL GENERATED ALWAYS AS (
        array_to_tsvector(string_to_array(sku_words, ' '))
        || array_to_tsvector(string_to_array(name_words, ' '))
        || array_to_tsvector(string_to_array(description_words, ' '))
    ) STORED
);

-- Lists one category in SKU order. The list of all products uses the unique index of the SKU.
CREATE INDEX products_by_category ON products (category, sku) WHERE status = 'active';

-- Finds the products that contain all words of a search. The index gives no order: the order is computed from the
-- columns above, identically on both engines. `fastupdate` is off, because every search would scan the list of pending
-- entries until the next vacuum. Names change rarely, and price changes do not touch the index.
CREATE INDEX products_by_word ON products USING gin (search) WITH (fastupdate = off);

-- All prices with their start times. One price per product and start time.
CREATE TABLE price_history (
    product_id uuid NOT NULL REFERENCES products (id),
    since timestamptz NOT NULL,
    price bigint NOT NULL CHECK (price > 0),
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (product_id, since)
);
