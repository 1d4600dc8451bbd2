"""Serves a module to other modules: the protocol of chassis/rest/PROTOCOL.md in Python's standard library.

Knows the module's OpenAPI document, and nothing of the module. The module is an object with `connection`, `lock` and one function
`operation(arguments, now)` for each operation of the document.
"""

import hashlib
import hmac
import json
import re
import secrets
import signal
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote_to_bytes

import schemas
from schemas import Invalid

DAY = 24 * 60 * 60
SINGLE = {
    "content-length", "idempotency-key", "offshoot-contract", "offshoot-deadline-ms", "offshoot-mirrored",
    "offshoot-principal", "offshoot-repeats-left", "offshoot-tenant", "traceparent",
}  # fmt: skip
TABLES = """
CREATE TABLE IF NOT EXISTS identity (store TEXT NOT NULL, log TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (scope TEXT PRIMARY KEY, arguments TEXT NOT NULL, answer TEXT NOT NULL, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, version INTEGER NOT NULL, key TEXT NOT NULL,
    bucket INTEGER NOT NULL, payload TEXT NOT NULL, at INTEGER NOT NULL
);
"""


class Problem(Exception):
    """An error of the contract, or with `may_have_executed` a failure of the call."""

    def __init__(self, status, code, detail, **fields):
        super().__init__(detail)
        self.status, self.code, self.detail, self.fields = status, code, detail, fields


def refused(status, code, detail):
    return Problem(status, code, detail, may_have_executed=False)


def bucket(key):
    value = 0xCBF29CE484222325
    for byte in key.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return ((value >> 32) ^ value) % 64


def publish(connection, name, version, key, payload, now):
    """Adds an event in the transaction of the change. One writer at a time: positions follow the commits."""
    row = (name, version, key, bucket(key), json.dumps(payload, ensure_ascii=False), now)
    connection.execute("INSERT INTO events (name, version, key, bucket, payload, at) VALUES (?, ?, ?, ?, ?, ?)", row)


class Module:
    """Identity, operations and log of the module that is served."""

    def __init__(self, document, keys, implementation):
        self.document, self.implementation = document, implementation
        self.name, self.version = document["info"]["title"], document["info"]["version"]
        self.hash, self.major = document["info"]["x-contract-hash"], self.version.split(".")[0]
        self.contract = f"{self.name}/{self.major}"
        text = f"offshoot contract {self.name}".encode()
        self.keys = [hmac.digest(bytes.fromhex(key), text, "sha256") for key in keys]
        self.instance = str(uuid.uuid4())
        self.published, self.stopping, self.in_flight = threading.Condition(), False, 0
        connection = implementation.connection
        with implementation.lock, connection:
            connection.executescript(TABLES)
            if not connection.execute("SELECT 1 FROM identity").fetchone():
                connection.execute("INSERT INTO identity VALUES (?, ?)", (str(uuid.uuid4()), str(uuid.uuid4())))
            self.store, self.log = connection.execute("SELECT store, log FROM identity").fetchone()

    def caller(self, authorization):
        """The caller named in the only token, or None."""
        scheme, _, token = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
        claims, _, signature = token.strip().rpartition(".")
        known = [hmac.new(key, claims.encode(), hashlib.sha256).hexdigest() for key in self.keys]
        valid = [hmac.compare_digest(each.encode(), signature.encode()) for each in known]
        caller, _, expiry = claims.rpartition(".")
        if scheme.lower() != "bearer" or not any(valid) or not expiry.isdigit():
            return None
        return caller if -360 <= time.time() - int(expiry) <= 60 else None

    def is_addressed(self, header):
        if header is None:
            return True
        contract, *words = header.split(" ")
        stores = [word[6:] for word in words if word.startswith("store=")]
        return contract == self.contract and stores in ([], [self.store])

    def find(self, path):
        """The operations by verb, and the texts of the path's parameters. A segment without parameter goes first."""
        segments, found = path.split("/"), []
        for template, verbs in self.document["paths"].items():
            names = template.split("/")
            is_name = [name.startswith("{") for name in names]
            pairs = list(zip(names, segments))
            if len(names) == len(segments) and all(is_ or name == text for is_, (name, text) in zip(is_name, pairs)):
                found.append((sum(is_name), verbs, {name[1:-1]: text for is_, (name, text) in zip(is_name, pairs) if is_}))
        return min(found, key=lambda each: each[0])[1:] if found else (None, {})

    def call(self, operation, arguments, scope):
        """Executes a call in one transaction, with the record of the answer if the call has a key."""
        safe = operation["x-idempotency-class"] == "safe"
        connection, now = self.implementation.connection, time.time()
        text = json.dumps(arguments, sort_keys=True)
        with self.implementation.lock:
            if scope and not safe:
                select = "SELECT arguments, answer FROM answers WHERE scope = ? AND expires > ?"
                record = connection.execute(select, (scope, now)).fetchone()
                if record and record[0] != text:
                    raise refused(422, "idempotency-key-reused", "the key was used for a call with other arguments")
                if record:
                    return json.loads(record[1])
            # Rolls back if the method raises a problem.
            with connection:
                answer = getattr(self.implementation, operation["operationId"])(arguments, int(now * 1_000_000))
                if scope and not safe:
                    connection.execute("DELETE FROM answers WHERE expires <= ?", (now,))
                    connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (scope, text, json.dumps(answer), now + DAY))
        if not safe:
            with self.published:
                self.published.notify_all()
        return answer

    def head(self):
        connection = self.implementation.connection
        with self.implementation.lock:
            (last,) = connection.execute("SELECT COALESCE(max(position), 0) FROM events").fetchone()
        return {"log_id": self.log, "last": last, "removed_through": 0}

    def read_head(self, arguments, _caller):
        deadline = time.monotonic() + 20
        with self.published:
            while (head := self.head())["last"] <= arguments["beyond"] and not self.stopping and time.monotonic() < deadline:
                # A change notifies; the signal that stops the process does not.
                self.published.wait(0.25)
        return head

    def read_events(self, arguments, caller):
        reader, after, limit = arguments["reader"], arguments["after"], min(max(arguments["limit"], 1), 500)
        partition, partitions = arguments["partition"], arguments["partitions"]
        if partitions not in (1, 2, 4, 8, 16, 32, 64) or not 0 <= partition < partitions or after < 0:
            raise refused(422, "bad-request", "`partitions` must be a power of two up to 64, `partition` below, `after` at least 0")
        if not reader.startswith(f"{caller}/") or len(reader.encode()) > 100:
            raise refused(422, "bad-request", f"the reader must begin with `{caller}/` and have at most 100 bytes")
        # Under the lock of the writers: every event published before now has been committed.
        with self.implementation.lock:
            now, head = int(time.time() * 1_000_000), self.head()
            rows = self.implementation.connection.execute(
                "SELECT position, name, version, key, payload, at FROM events "
                "WHERE position > ? AND bucket % ? = ? ORDER BY position LIMIT ?",
                (after, partitions, partition, limit),
            ).fetchall()
        through = rows[-1][0] if len(rows) == limit else max(head["last"], after)
        names = ("position", "name", "version", "key", "payload", "at")
        events = [dict(zip(names, row)) | {"at": schemas.write_time(row[5])} for row in rows]
        page = {"head": head, "through": through, "events": events}
        return page | ({"complete_at": schemas.write_time(now)} if through >= head["last"] else {})

    def identity(self, _arguments, _caller):
        versions = [{"version": self.version, "hash": self.hash}]
        return {"name": self.name, "versions": versions, "store_id": self.store, "instance": self.instance}


def object_without_repeats(pairs):
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a field is given twice")
    return members


class Handler(BaseHTTPRequestHandler):
    """One connection. The order of checks is the one of the page."""

    protocol_version = "HTTP/1.1"
    server_version = "polyglot"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 60
    module: Module

    def serve(self):
        module = self.module
        with module.published:
            module.in_flight += 1
        try:
            self.serve_request()
            self.wfile.flush()
        finally:
            with module.published:
                module.in_flight -= 1
                module.published.notify_all()

    def serve_request(self):
        self.trace, self.body_is_read, self.allow = self.read_trace(), False, None
        try:
            path = self.path.partition("?")[0]
            if path in ("/health/live", "/health/ready"):
                return self.answer(503 if self.module.stopping and path.endswith("ready") else 200, b"{}", "application/json")
            value = self.handle_call(path)
            if value is None:
                return self.answer(204, b"")
            return self.answer(200, json.dumps(value, ensure_ascii=False).encode(), "application/json")
        except Problem as problem:
            return self.answer_problem(problem)
        except Exception as error:  # noqa: BLE001
            self.log_error("%s: %r", self.path, error)
            return self.answer_problem(Problem(500, "internal", "a defect of the server", may_have_executed=True))

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = serve

    def handle_call(self, path):
        module = self.module
        caller = module.caller(self.headers.get_all("authorization") or [])
        if caller is None:
            raise refused(401, "unauthenticated", "the request has no valid service token for this contract")
        for name in SINGLE:
            if len(self.headers.get_all(name) or []) > 1:
                raise self.bad_header(name, "is given twice")
        addressed = self.headers.get("offshoot-contract")
        if not module.is_addressed(addressed):
            raise refused(502, "wrong-contract", f"{addressed} was called, but {module.contract} store={module.store} is served here")
        verbs, texts = module.find(path)
        operation = (verbs or {}).get(self.command.lower())
        if operation is None:
            self.allow = ", ".join(verb.upper() for verb in verbs or {}) or None
            raise refused(405 if verbs else 502, "wrong-contract", f"{self.command} {path} is not a method of {module.contract}")
        context = [self.read_text(name) for name in ("offshoot-tenant", "offshoot-principal", "idempotency-key")]
        deadline = self.read_deadline(operation)
        body = self.read_body(operation)
        arguments = self.read_arguments(operation, texts, body)
        key = context[2]
        if key is not None and not re.fullmatch(r"[!-~]{1,128}", key):
            raise refused(400, "bad-idempotency-key", "the key must have 1 to 128 printable ASCII characters without spaces")
        own = {"identity": module.identity, "read_head": module.read_head, "read_events": module.read_events}
        if operation["operationId"] in own:
            return own[operation["operationId"]](arguments, caller)
        if module.stopping:
            raise refused(503, "unavailable", "the process stops")
        if time.monotonic() >= deadline:
            raise refused(504, "timeout", "the deadline has passed")
        scope = None if key is None else json.dumps([*context[:2], module.major, operation["operationId"], key])
        return module.call(operation, arguments, scope)

    def bad_header(self, name, reason):
        code = "bad-idempotency-key" if name == "idempotency-key" else "bad-request"
        return refused(400, code, f"the header {name} {reason}")

    def read_text(self, name):
        value = self.headers.get(name)
        if value is None:
            return None
        try:
            return unquote_to_bytes(value.encode("ascii")).decode()
        except UnicodeError:
            raise self.bad_header(name, "is not percent-encoded UTF-8") from None

    def read_trace(self):
        match = re.fullmatch(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", self.headers.get("traceparent") or "")
        return match[1] if match else secrets.token_hex(16)

    def read_deadline(self, operation):
        text = self.headers.get("offshoot-deadline-ms") or ""
        wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 30_000
        return time.monotonic() + min(wanted, operation.get("x-timeout-ms", 60_000)) / 1_000

    def read_body(self, operation):
        if "requestBody" not in operation:
            return None
        limit = operation["x-max-body-bytes"]
        for encoding in self.headers.get_all("content-encoding") or []:
            if encoding.lower() != "identity":
                raise refused(415, "encoded-body", "the body has a content encoding: send it without")
        self.connection.settimeout(10)
        try:
            body = self.read_chunks(limit) if self.headers.get("transfer-encoding") else self.read_length(limit)
        except TimeoutError:
            raise refused(504, "timeout", "the body of the request did not arrive in time") from None
        finally:
            self.connection.settimeout(self.timeout)
        self.body_is_read = True
        return body

    def read_length(self, limit):
        length = self.headers.get("content-length") or "0"
        if not (length.isascii() and length.isdigit()):
            raise refused(400, "bad-request", "content-length is not a number")
        if int(length) > limit:
            raise refused(413, "too-large", f"the arguments are larger than {limit} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise refused(400, "bad-request", "the body ended early")
        return body

    def read_chunks(self, limit):
        body = b""
        while True:
            size = self.rfile.readline(64).split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size):
                raise refused(400, "bad-request", "the body ended early")
            if len(body) + int(size, 16) > limit:
                raise refused(413, "too-large", f"the arguments are larger than {limit} bytes")
            body += self.rfile.read(int(size, 16))
            end = self.rfile.readline(64)
            if int(size, 16) == 0:
                # Trailers are ignored.
                while end.strip():
                    end = self.rfile.readline(8_192)
                return body

    def read_arguments(self, operation, texts, body):
        document, known = self.module.document, {each["name"]: each for each in operation.get("parameters", [])}
        arguments = {}
        try:
            pairs = [(name, unquote_to_bytes(text).decode()) for name, text in texts.items()]
            query = parse_qsl(self.path.partition("?")[2], keep_blank_values=True, errors="strict")
            for name, text in pairs + query:
                if name not in known or name in arguments:
                    raise Invalid(f"{name}: an unknown or a repeated parameter")
                schema = known[name]["schema"]
                arguments[name] = schemas.read(document, schema, schemas.parse_scalar(schema, document, text), name)
            for name, parameter in known.items():
                if parameter.get("required") and name not in arguments:
                    raise Invalid(f"{name}: missing parameter")
            if body is not None:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                arguments |= schemas.read(document, schema, json.loads(body.decode(), object_pairs_hook=object_without_repeats))
        except (Invalid, ValueError, RecursionError) as error:
            raise refused(400, "bad-request", str(error)) from None
        return arguments

    def answer_problem(self, problem):
        members = {"status": problem.status, "code": problem.code, "title": problem.code.replace("-", " ")}
        members |= {"detail": problem.detail, "trace_id": self.trace} | problem.fields
        self.answer(problem.status, json.dumps(members).encode(), "application/problem+json")

    def answer(self, status, body, content_type=None):
        self.send_response(status)
        if self.path.startswith("/modules/"):
            own = f" store={self.module.store} hash={self.module.hash}" if status != 401 else ""
            self.send_header("offshoot-contract", self.module.contract + own)
        if status == 401:
            self.send_header("www-authenticate", "Bearer")
        if self.allow:
            self.send_header("allow", self.allow)
        if content_type:
            self.send_header("content-type", content_type)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        has_body = self.headers.get("transfer-encoding") or (self.headers.get("content-length") or "0") != "0"
        if self.module.stopping or (has_body and not self.body_is_read):
            # The rest of the request is unread, so the connection cannot carry another one.
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_request(self, *_):
        """Requests are not logged: a log line costs more than a call."""


def serve(module, host, port):
    """Serves until SIGTERM, then ends readiness, answers requests on their way, and returns."""
    server = ThreadingHTTPServer((host, port), type("BoundHandler", (Handler,), {"module": module}))
    server.daemon_threads = True
    server.socket.listen(128)

    def stop(*_):
        module.stopping = True
        # Not in this thread: `shutdown` waits for `serve_forever`.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"http://{host}:{server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.05)
    with module.published:
        module.published.wait_for(lambda: module.in_flight == 0, 10)
    with module.implementation.lock:
        # No transaction is under way, and none begins.
        module.implementation.connection.close()
