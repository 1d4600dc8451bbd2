-- offshoot: expand
--
-- What the store sells, and every price that it ever asked.

-- One row per product. Rows are never deleted: other modules keep ids and ask for the rest.
CREATE TABLE products (
    -- Names the row to the search index. Declared, because an undeclared row number may change with VACUUM. It means
    -- nothing outside this file and does not travel when the data moves to another database.
    number INTEGER PRIMARY KEY,
    -- A UUID, 16 bytes.
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    -- Compared byte by byte: real stock codes differ in case alone (15056BL and 15056bl are two products).
    sku TEXT NOT NULL UNIQUE CHECK (sku <> ''),
    -- How long a text may be is the contract's to say, and to raise.
    name TEXT NOT NULL CHECK (name <> ''),
    description TEXT NOT NULL,
    category TEXT NOT NULL CHECK (category <> '' AND category NOT GLOB '*[^a-z0-9-]*'),
    -- Money is two columns: ten-thousandths of a unit, because real prices have three decimals, and ISO 4217.
    price INTEGER NOT NULL CHECK (price > 0),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    -- Since when the price holds: the time of the latest row in `price_history`, here so that whoever records an
    -- older price sees that it is older.
    price_since INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'discontinued')),
    version INTEGER NOT NULL CHECK (version > 0),
    -- Times are microseconds since 1970-01-01T00:00:00Z.
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- The words of SKU, name and description as the search compares them (modules/catalog/src/search.rs makes them):
    -- separated by one blank, nothing else in them but letters and digits. Prepared outside the database, so that both
    -- engines search the same words.
    sku_words TEXT NOT NULL,
    name_words TEXT NOT NULL,
    description_words TEXT NOT NULL
) STRICT;

-- Browsing a category in the order of the SKU. Browsing all goes by the unique index of the SKU.
CREATE INDEX products_by_category ON products (category, sku) WHERE status = 'active';

-- Every price with the time from which it held. One price per product and time. Clustered by its key, which is also
-- the order in which it is read.
CREATE TABLE price_history (
    product_id BLOB NOT NULL REFERENCES products (id),
    since INTEGER NOT NULL,
    price INTEGER NOT NULL CHECK (price > 0),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    PRIMARY KEY (product_id, since)
) STRICT, WITHOUT ROWID;

-- Finds the products that have all words of a search. It answers which, never in what order: the order is computed
-- from the columns above, the same on both engines. It holds the index alone and reads the words from `products`. The
-- tokenizer `ascii` takes every character beyond ASCII as part of a word, so it splits at the blanks and nowhere else.
CREATE VIRTUAL TABLE product_search USING fts5 (
    sku_words, name_words, description_words,
    content = 'products', content_rowid = 'number', tokenize = 'ascii'
);

-- The index follows its table. A row leaves it under the words with which it went in.
CREATE TRIGGER products_enter_search AFTER INSERT ON products BEGIN
    INSERT INTO product_search (rowid, sku_words, name_words, description_words)
    VALUES (new.number, new.sku_words, new.name_words, new.description_words);
END;

CREATE TRIGGER products_leave_search AFTER DELETE ON products BEGIN
    INSERT INTO product_search (product_search, rowid, sku_words, name_words, description_words)
    VALUES ('delete', old.number, old.sku_words, old.name_words, old.description_words);
END;

-- A new price leaves the words, and so the index, alone.
CREATE TRIGGER products_change_search AFTER UPDATE OF sku_words, name_words, description_words ON products BEGIN
    INSERT INTO product_search (product_search, rowid, sku_words, name_words, description_words)
    VALUES ('delete', old.number, old.sku_words, old.name_words, old.description_words);
    INSERT INTO product_search (rowid, sku_words, name_words, description_words)
    VALUES (new.number, new.sku_words, new.name_words, new.description_words);
END;
