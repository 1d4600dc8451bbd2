"""A server of the store's catalog in Python's standard library, made from chassis/rest/PROTOCOL.md and the OpenAPI document alone.

    offshoot contract openapi catalog > catalog.json
    python3 catalog.py --document catalog.json --keys data/service.key --data catalog.sqlite --port 7101
    offshoot serve --remote catalog=http://127.0.0.1:7101

Prints the address. One connection and one lock: enough for tests, and easy to read.
"""

import argparse
import hashlib
import json
import re
import secrets
import sqlite3
import threading
import unicodedata

import protocol
import schemas
from protocol import Problem

TABLES = """
CREATE TABLE IF NOT EXISTS products (
    id TEXT PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT NOT NULL, category TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, since INTEGER NOT NULL, status TEXT NOT NULL, version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS prices (
    id TEXT NOT NULL, since INTEGER NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, PRIMARY KEY (id, since)
);
"""
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BULK, PAGE, PAGE_MAX = 1_000, 20, 100


class InvalidField(Exception):
    """A field of an item, and why the field is invalid."""


def new_id(now):
    """A UUID of version 7 as text: milliseconds and random bits."""
    bits = (now // 1_000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return "product_" + "".join(ALPHABET[bits >> 5 * place & 31] for place in reversed(range(26)))


def words(text):
    plain = "".join(each for each in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(each))
    return re.findall(r"[^\W_]+", plain)


def check(good, field, reason):
    if not good:
        raise InvalidField(field, reason)


def check_fields(item, now):
    """The rules that the document states in words and limits."""
    if "sku" in item:
        sku = item["sku"]
        check(1 <= len(sku.encode()) <= 64 and sku.strip() == sku, "sku", "must have 1 to 64 bytes, and no white space around")
    if "name" in item:
        check(1 <= len(item["name"]) <= 200, "name", "must have 1 to 200 characters")
    check(len(item.get("description", "")) <= 4_000, "description", "must have at most 4,000 characters")
    if "category" in item:
        check(re.fullmatch(r"[a-z0-9-]{1,40}", item["category"]), "category", "must have 1 to 40 of a-z, 0-9 and hyphens")
    if "price" in item:
        check(schemas.parse_amount(item["price"]["amount"]) > 0, "price", "must be above zero")
    for field in ("price_since", "since"):
        check(field not in item or schemas.parse_time(item[field]) <= now, field, "must not be in the future")
    for field, value in item.items():
        check("\0" not in str(value), field, "must not contain a NUL character")


def check_bulk(items):
    if len(items) > BULK:
        raise Problem(422, "too-many-items", f"the call has {len(items)} items", given=len(items), limit=BULK)


class Catalog:
    """The operations of the document. `protocol.Module` calls them under the lock, each in a transaction."""

    def __init__(self, path):
        self.lock = threading.RLock()
        self.connection = sqlite3.connect(path, check_same_thread=False)
        self.connection.executescript(TABLES)

    # Reading.

    def rows(self, condition, *values):
        columns = "id, sku, name, description, category, amount, currency, status, version, created_at, updated_at"
        for row in self.connection.execute(f"SELECT {columns} FROM products WHERE {condition} ORDER BY sku", values):
            product = dict(zip(columns.split(", "), row))
            amount, currency = schemas.write_amount(product.pop("amount")), product.pop("currency")
            times = {name: schemas.write_time(product[name]) for name in ("created_at", "updated_at")}
            yield product | times | {"price": {"amount": amount, "currency": currency}}

    def get(self, key):
        for product in self.rows("id = ?", key):
            return product
        raise Problem(404, "unknown-product", f"there is no product {key}", id=key)

    def product(self, arguments, _now):
        return self.get(arguments["id"])

    def products_by_id(self, arguments, _now):
        check_bulk(arguments["ids"])
        found = {key: product for key in set(arguments["ids"]) for product in self.rows("id = ?", key)}
        return [found[key] for key in arguments["ids"] if key in found]

    def browse(self, arguments, _now):
        search, category = arguments.get("search"), arguments.get("category")
        wanted = words(search or "")
        if search is not None and (len(search) > 200 or not wanted):
            raise Problem(422, "invalid-search", "the search text is too long or has no word", reason="has no word or 201 characters")
        condition, values = ("status = 'active'", ()) if category is None else ("status = 'active' AND category = ?", (category,))
        found = []
        for product in self.rows(condition, *values):
            near, far = words(f"{product['sku']} {product['name']}"), words(product["description"])
            if all(word in near or word in far for word in wanted):
                tier = 0 if all(word in near for word in wanted) else 1
                # Best match first: in the name, then in a short name.
                found.append(([tier, len(" ".join(words(product["name"]))), product["sku"]] if wanted else [product["sku"]], product))
        found.sort(key=lambda each: each[0])
        return page(["browse", wanted if search is not None else None, category], found, arguments)

    def price_history(self, arguments, _now):
        key = self.get(arguments["id"])["id"]
        select = "SELECT since, amount, currency FROM prices WHERE id = ? ORDER BY since DESC"
        found = [
            ([-since], {"price": {"amount": schemas.write_amount(amount), "currency": currency}, "since": schemas.write_time(since)})
            for since, amount, currency in self.connection.execute(select, (key,))
        ]
        return page(["prices", key], found, arguments)

    # Changes. Each publishes the product after the change.

    def changed(self, key, now, **values):
        values |= {"updated_at": now}
        settings = ", ".join(f"{name} = ?" for name in values)
        self.connection.execute(f"UPDATE products SET version = version + 1, {settings} WHERE id = ?", (*values.values(), key))
        return self.published(key, now)

    def published(self, key, now):
        product = self.get(key)
        protocol.publish(self.connection, "product-changed", 1, key, product, now)
        return product

    def insert(self, item, now):
        """The id, and whether the product is new."""
        check_fields(item, now)
        known = self.connection.execute("SELECT id FROM products WHERE sku = ?", (item["sku"],)).fetchone()
        if known:
            return known[0], False
        key, amount = new_id(now), schemas.parse_amount(item["price"]["amount"])
        since = schemas.parse_time(item["price_since"]) if "price_since" in item else now
        texts = (item["sku"], item["name"], item.get("description", ""), item["category"])
        row = (key, *texts, amount, item["price"]["currency"], since, "active", 1, now, now)
        self.connection.execute("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self.record(key, since, amount, item["price"]["currency"])
        self.published(key, now)
        return key, True

    def record(self, key, since, amount, currency):
        self.connection.execute("INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)", (key, since, amount, currency))

    def add(self, arguments, now):
        try:
            key, is_new = self.insert(arguments["product"], now)
        except InvalidField as invalid:
            raise invalid_product(invalid) from None
        if not is_new:
            sku = arguments["product"]["sku"]
            raise Problem(409, "duplicate-sku", f"the SKU `{sku}` already belongs to {key}", sku=sku, id=key)
        return self.get(key)

    def add_many(self, arguments, now):
        check_bulk(arguments["products"])
        return [self.add_one(item, now) for item in arguments["products"]]

    def add_one(self, item, now):
        try:
            key, is_new = self.insert(item, now)
        except InvalidField as invalid:
            return rejected(invalid)
        return {"outcome": "added" if is_new else "exists", "id": key}

    def change(self, arguments, now):
        changes, expected = arguments["changes"], arguments["version"]
        try:
            check_fields(changes, now)
        except InvalidField as invalid:
            raise invalid_product(invalid) from None
        product = self.get(arguments["id"])
        is_same = all(product[name] == value for name, value in changes.items())
        # The version before, with the values of now: a repeat of the change that made this version.
        is_repeat = is_same and changes and expected + 1 == product["version"]
        if expected != product["version"] and not is_repeat:
            key, current = product["id"], product["version"]
            raise Problem(409, "version-conflict", f"{key} has version {current}", id=key, expected=expected, current=current)
        return product if is_same else self.changed(product["id"], now, **changes)

    def discontinue(self, arguments, now):
        product = self.get(arguments["id"])
        return product if product["status"] == "discontinued" else self.changed(product["id"], now, status="discontinued")

    def reprice(self, arguments, now):
        try:
            check_fields(arguments, now)
        except InvalidField as invalid:
            raise invalid_product(invalid) from None
        product, price = self.get(arguments["id"]), arguments["price"]
        if product["price"] == price:
            return product
        amount = schemas.parse_amount(price["amount"])
        self.record(product["id"], now, amount, price["currency"])
        return self.changed(product["id"], now, amount=amount, currency=price["currency"], since=now)

    def record_prices(self, arguments, now):
        check_bulk(arguments["prices"])
        return [self.record_one(item, now) for item in arguments["prices"]]

    def record_one(self, item, now):
        try:
            check_fields(item, now)
        except InvalidField as invalid:
            return rejected(invalid)
        select = "SELECT id, since, amount, currency FROM products WHERE sku = ?"
        known = self.connection.execute(select, (item["sku"],)).fetchone()
        if not known:
            return {"outcome": "unknown-sku"}
        key, latest, *price = known
        since, amount, currency = schemas.parse_time(item["since"]), schemas.parse_amount(item["price"]["amount"]), item["price"]["currency"]
        self.record(key, since, amount, currency)
        if since >= latest and [amount, currency] != price:
            self.changed(key, now, amount=amount, currency=currency, since=since)
        elif since > latest:
            self.connection.execute("UPDATE products SET since = ? WHERE id = ?", (since, key))
        return {"outcome": "recorded"}


def invalid_product(invalid):
    field, reason = invalid.args
    return Problem(422, "invalid-product", f"{field}: {reason}", field=field, reason=reason)


def rejected(invalid):
    field, reason = invalid.args
    return {"outcome": "rejected", "field": field, "reason": reason}


def page(scope, found, arguments):
    """One page of a sorted list. The token is the sort key of the last item, and a checksum of the list."""
    checksum = hashlib.sha256(json.dumps(scope).encode()).hexdigest()[:16]
    size, token = min(max(arguments.get("page_size", PAGE), 1), PAGE_MAX), arguments.get("page_token")
    if token is not None:
        try:
            after = json.loads(bytes.fromhex(token[16:])) if token.startswith(checksum) and len(token) <= 272 else None
            found = [each for each in found if each[0] > after]
        except (ValueError, TypeError):
            raise Problem(422, "bad-page-token", "the page token is not valid for this list: start again without one") from None
    answer = {"items": [item for _, item in found[:size]]}
    if len(found) > size:
        answer["next_page_token"] = checksum + json.dumps(found[size - 1][0], ensure_ascii=False).encode().hex()
    return answer


def main():
    parser = argparse.ArgumentParser(description="Serves the catalog.")
    parser.add_argument("--document", required=True, help="OpenAPI document of the catalog")
    parser.add_argument("--keys", required=True, help="file with the service keys")
    parser.add_argument("--data", required=True, help="SQLite file")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    with open(arguments.document, encoding="utf-8") as file:
        document = json.load(file)
    with open(arguments.keys, encoding="ascii") as file:
        keys = file.read().split()
    protocol.serve(protocol.Module(document, keys, Catalog(arguments.data)), "127.0.0.1", arguments.port)


if __name__ == "__main__":
    main()
