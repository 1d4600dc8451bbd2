-- offshoot: expand
--
-- What the store sells, and every price that it ever asked.

-- One row per product. Rows are never deleted: other modules keep ids and ask for the rest. Texts have the collation
-- "C" throughout: they are compared and ordered byte by byte, as on SQLite, whatever the server's language.
CREATE TABLE products (
    id uuid PRIMARY KEY,
    -- Real stock codes differ in case alone (15056BL and 15056bl are two products).
    sku text COLLATE "C" NOT NULL UNIQUE CHECK (sku <> ''),
    -- How long a text may be is the contract's to say, and to raise.
    name text COLLATE "C" NOT NULL CHECK (name <> ''),
    description text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL CHECK (category ~ '^[a-z0-9-]+$'),
    -- Money is two columns: ten-thousandths of a unit, because real prices have three decimals, and ISO 4217.
    price bigint NOT NULL CHECK (price > 0),
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Since when the price holds: the time of the latest row in `price_history`, here so that whoever records an
    -- older price sees that it is older.
    price_since timestamptz NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'discontinued')),
    version bigint NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- The words of SKU, name and description as the search compares them (modules/catalog/src/search.rs makes them):
    -- separated by one blank, nothing else in them but letters and digits. Prepared outside the database, so that both
    -- engines search the same words.
    sku_words text COLLATE "C" NOT NULL,
    name_words text COLLATE "C" NOT NULL,
    description_words text COLLATE "C" NOT NULL,
    -- What the search index holds. `array_to_tsvector` takes the words as they are; `to_tsvector`, with whichever
    -- configuration, would first split them by the parser of the server's locale.
    search tsvector NOT NULL GENERATED ALWAYS AS (
        array_to_tsvector(string_to_array(sku_words, ' '))
        || array_to_tsvector(string_to_array(name_words, ' '))
        || array_to_tsvector(string_to_array(description_words, ' '))
    ) STORED
);

-- Browsing a category in the order of the SKU. Browsing all goes by the unique index of the SKU.
CREATE INDEX products_by_category ON products (category, sku) WHERE status = 'active';

-- Finds the products that have all words of a search. It answers which, never in what order: the order is computed
-- from the columns above, the same on both engines. Without the list of pending entries, which every search would
-- read through until the next vacuum: names change seldom, and prices do not touch the index.
CREATE INDEX products_by_word ON products USING gin (search) WITH (fastupdate = off);

-- Every price with the time from which it held. One price per product and time.
CREATE TABLE price_history (
    product_id uuid NOT NULL REFERENCES products (id),
    since timestamptz NOT NULL,
    price bigint NOT NULL CHECK (price > 0),
    currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (product_id, since)
);
