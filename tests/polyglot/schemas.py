"""Reads values by the schemas of an OpenAPI document, strictly, and brings them into the written form.

Must not know HTTP. Limits that a module sets within a type are the module's own errors, so lengths and ranges are not checked.
"""

import re
from datetime import datetime, timedelta, timezone

INTEGERS = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
AMOUNT = r"^-?[0-9]+(\.[0-9]{1,4})?$"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class Invalid(Exception):
    """A value does not fit a schema."""


def read(document, schema, value, place="body"):
    """The value in the written form of the protocol. Raises `Invalid` with the place."""

    def fail(reason):
        raise Invalid(f"{place}: {reason}")

    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return read(document, document["components"]["schemas"][name], value, place)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            reasons = []
            for case in schema[word]:
                try:
                    return read(document, case, value, place)
                except Invalid as invalid:
                    reasons.append(str(invalid))
            fail("; or ".join(reasons))
    if "const" in schema and value != schema["const"] or "enum" in schema and value not in schema["enum"]:
        fail(f"{value!r} is not one of the values")
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if value is None:
        return None if "null" in kinds else fail("null is not a value")
    if isinstance(value, bool):
        return value if "boolean" in kinds else fail("a bool is not a value")
    if isinstance(value, int) and "integer" in kinds:
        low, high = INTEGERS.get(schema.get("format"), INTEGERS["int64"])
        return value if low <= value <= high else fail(f"{value} is out of range")
    if isinstance(value, str) and "string" in kinds:
        return read_text(schema, value, fail)
    if isinstance(value, list) and "array" in kinds:
        return [read(document, schema["items"], item, f"{place}[{at}]") for at, item in enumerate(value)]
    if isinstance(value, dict) and "object" in kinds:
        return read_object(document, schema, value, place, fail)
    return fail(f"{type(value).__name__} is not a value")


def read_object(document, schema, value, place, fail):
    properties = schema.get("properties", {})
    for name in value:
        if name not in properties:
            fail(f"unknown field {name}")
    for name in schema.get("required", []):
        if name not in value:
            fail(f"missing field {name}")
    members = {}
    for name, member in value.items():
        # An optional field may be null.
        if member is not None or name in schema.get("required", []):
            members[name] = read(document, properties[name], member, f"{place}.{name}")
    return members


def read_text(schema, value, fail):
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        fail("half of a surrogate pair is not a character")
    if schema.get("format") == "date-time":
        try:
            return write_time(parse_time(value))
        except (ValueError, OverflowError):
            fail(f"{value!r} is not a time")
    pattern = schema.get("pattern")
    if pattern and not re.fullmatch(pattern, value, re.ASCII):
        fail(f"{value!r} does not match {pattern}")
    if pattern == AMOUNT:
        parsed = parse_amount(value)
        return write_amount(parsed) if abs(parsed) < 2**63 else fail("the amount is too large")
    return value


def parse_scalar(schema, document, text):
    """The value of a text in a path or a query."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("type") == "integer":
        if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII):
            raise Invalid(f"{text!r} is not a whole number")
        return int(text)
    if schema.get("type") == "boolean":
        if text not in ("true", "false"):
            raise Invalid(f"{text!r} is not true or false")
        return text == "true"
    return text


def parse_time(text):
    """Microseconds since 1970. Digits beyond microseconds are cut off."""
    match = TIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    date, clock, fraction, offset = match.groups()
    micros = int((fraction or ".")[1:7].ljust(6, "0"))
    zone = "+00:00" if offset in "Zz" else offset
    return (datetime.fromisoformat(f"{date}T{clock}{zone}") - EPOCH) // timedelta(microseconds=1) + micros


def write_time(micros):
    """RFC 3339 in UTC without trailing zeros."""
    time = EPOCH + timedelta(microseconds=micros)
    text = time.strftime("%Y").rjust(4, "0") + time.strftime("-%m-%dT%H:%M:%S")
    return text + (f".{time.microsecond:06d}".rstrip("0") if time.microsecond else "") + "Z"


def parse_amount(text):
    """Ten-thousandths of the unit."""
    sign = -1 if text.startswith("-") else 1
    units, _, decimals = text.lstrip("-").partition(".")
    return sign * int(units + decimals.ljust(4, "0"))


def write_amount(ten_thousandths):
    """Two to four decimals."""
    units, rest = divmod(abs(ten_thousandths), 10_000)
    decimals = f"{rest:04d}"
    for _ in range(2):
        decimals = decimals[:-1] if decimals.endswith("0") else decimals
    return f"{'-' if ten_thousandths < 0 else ''}{units}.{decimals}"
