-- offshoot: expand
--
-- Products and their price history.

-- One row per product. Rows are never deleted, because other modules store product ids.
CREATE TABLE products (
    -- Row id used by the search index. Declared, because VACUUM may change an undeclared row id. The number has no
    -- meaning outside this file and is not copied when the data moves to another database.
    number INTEGER PRIMARY KEY,
    -- A UUID, 16 bytes.
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    -- Compared byte by byte: real stock codes differ in case alone (15056BL and 15056bl are two products).
    sku TEXT NOT NULL UNIQUE CHECK (sku <> ''),
    -- Length limits of texts are defined by the contract, so that raising a limit needs no migration.
    name TEXT NOT NULL CHECK (name <> ''),
    description TEXT NOT NULL,
    category TEXT NOT NULL CHECK (category <> '' AND category NOT GLOB '*[^a-z0-9-]*'),
    -- Money is two columns: ten-thousandths of a unit, because real prices have three decimals, and ISO 4217.
    price INTEGER NOT NULL CHECK (price > 0),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    -- Start time of the current price: the time of the latest row in `price_history`. Stored here so that recording a
    -- historical price can compare its time with the current price.
    price_since INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'discontinued')),
    version INTEGER NOT NULL CHECK (version > 0),
    -- Times are microseconds since 1970-01-01T00:00:00Z.
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Search words of SKU, name and description, written by modules/catalog/src/search.rs: letters and digits only,
    -- separated by one space. The application splits the words so that both engines search the same words.
    sku_words TEXT NOT NULL,
    name_words TEXT NOT NULL,
    description_words TEXT NOT NULL
) STRICT;

-- Lists one category in SKU order. The list of all products uses the unique index of the SKU.
CREATE INDEX products_by_category ON products (category, sku) WHERE status = 'active';

-- All prices with their start times. One price per product and start time. Clustered by the key, which is the order of
-- all reads.
CREATE TABLE price_history (
    product_id BLOB NOT NULL REFERENCES products (id),
    since INTEGER NOT NULL,
    price INTEGER NOT NULL CHECK (price > 0),
    currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    PRIMARY KEY (product_id, since)
) STRICT, WITHOUT ROWID;

-- Finds the products that contain all words of a search. The index gives no order: the order is computed from the
-- columns above, identically on both engines. The table stores only the index and reads the words from `products`. The
-- tokenizer `ascii` treats every non-ASCII character as part of a word, so words are split at spaces only.
CREATE VIRTUAL TABLE product_search USING fts5 (
    sku_words, name_words, description_words,
    content = 'products', content_rowid = 'number', tokenize = 'ascii'
);

-- Triggers keep the index in step with `products`. Removing a row from the index needs the words that were indexed.
CREATE TRIGGER products_enter_search AFTER INSERT ON products BEGIN
    INSERT INTO product_search (rowid, sku_words, name_words, description_words)
    VALUES (new.number, new.sku_words, new.name_words, new.description_words);
END;

CREATE TRIGGER products_leave_search AFTER DELETE ON products BEGIN
    INSERT INTO product_search (product_search, rowid, sku_words, name_words, description_words)
    VALUES ('delete', old.number, old.sku_words, old.name_words, old.description_words);
END;

-- Price changes do not touch the words, so they do not fire this trigger.
CREATE TRIGGER products_change_search AFTER UPDATE OF sku_words, name_words, description_words ON products BEGIN
    INSERT INTO product_search (product_search, rowid, sku_words, name_words, description_words)
    VALUES ('delete', old.number, old.sku_words, old.name_words, old.description_words);
    INSERT INTO product_search (rowid, sku_words, name_words, description_words)
    VALUES (new.number, new.sku_words, new.name_words, new.description_words);
END;
