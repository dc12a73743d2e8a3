"""An analytics receiver on the loopback: takes facts as a real one would.

It checks signatures, knows a batch it has seen by its idempotency key, counts facts by
(key, sequence), and can be told to misbehave. Standard library only.
"""

import base64
import contextlib
import gzip
import hashlib
import hmac
import html
import json
import pathlib
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300  # seconds a signature may be old
SHOWN = 200


class Receiver:
    """Takes gzip NDJSON over HTTP; what it took outlives :meth:`stop`.

    :param port: 0 takes a free one and keeps it over restarts
    :param directory: where bodies (``<number>.ndjson``) are stored; None makes one
    :param secret: ``whsec_…``; with it, unsigned requests are refused
    """

    def __init__(self, port=0, directory=None, secret=None):
        self.port = port
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="facts-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.secret = secret
        self.lock = threading.Lock()
        self.batches = {}  # idempotency key -> sha256 of what it carried
        self.requests = self.repeats = self.refusals = 0
        self.arrivals = []  # facts in order of arrival, each counted once a batch
        self.changed = []  # idempotency keys that came with another content
        self._failing = (None, 0)
        self._server = self._thread = None

    @property
    def url(self):
        """Address facts are posted to."""
        return f"http://127.0.0.1:{self.port}/facts"

    def start(self):
        """Listen; again on the same port after :meth:`stop`."""
        handler = type("Handler", (_Handler,), {"receiver": self})
        self._server = _HTTPServer(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()
        return self

    def stop(self):
        """Stop listening, cutting connections; connecting is then refused."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def fail(self, how, times=10**9):
        """Misbehave for so many requests.

        :param how: ``500``, ``429``, ``slow`` (two seconds, then accept), ``lost``
            (accept but answer 500), ``drop`` (close without an answer); None behaves
        """
        with self.lock:
            self._failing = (how, times)

    def _failure(self):
        with self.lock:
            how, times = self._failing
            self._failing = (how, times - 1) if times > 1 else (None, 0)
            return how if times > 0 else None

    # -- taking -----------------------------------------------------------------

    def take(self, headers, body):
        """Store one request; returns the HTTP status to answer with."""
        with self.lock:
            self.requests += 1
        if not self._signed(headers, body):
            with self.lock:
                self.refusals += 1
            return 401
        how = self._failure()
        if how == "slow":
            time.sleep(2)
        if how in ("500", "429", "drop"):
            with self.lock:
                self.refusals += 1
            return int(how) if how.isdigit() else 0
        key = (headers.get("Idempotency-Key") or "").strip('"')
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        try:
            facts = [json.loads(line) for line in body.splitlines() if line.strip()]
        except ValueError:
            return 400
        self._store(key, body, facts)
        return 500 if how == "lost" else 204

    def _store(self, key, body, facts):
        mark = hashlib.sha256(body).hexdigest()
        with self.lock:
            if key in self.batches:
                self.repeats += 1
                if self.batches[key] != mark:
                    self.changed.append(key)
                return
            self.batches[key] = mark
            name = f"{len(self.batches):05d}.ndjson"
            (self.directory / name).write_bytes(body)
            now = time.time()
            self.arrivals += [{**fact, "_arrived": now} for fact in facts]

    def _signed(self, headers, body):
        if not self.secret:
            return True
        number, stamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
        given = headers.get("webhook-signature") or ""
        if not (number and stamp and stamp.isdigit()):
            return False
        if abs(time.time() - int(stamp)) > TOLERANCE:
            return False
        secret = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{number}.{stamp}.".encode() + body
        digest = hmac.digest(secret, signed, hashlib.sha256)
        mine = "v1," + base64.b64encode(digest).decode()
        return any(hmac.compare_digest(mine, one) for one in given.split())

    # -- looking ----------------------------------------------------------------

    def facts(self):
        """Return the facts in order of arrival (dicts, as sent)."""
        with self.lock:
            return [
                {name: value for name, value in fact.items() if name != "_arrived"}
                for fact in self.arrivals
            ]

    def arrived(self):
        """Return ``{fact_id: seconds since 1970}`` of first arrivals."""
        with self.lock:
            times = {}
            for fact in self.arrivals:
                times.setdefault(fact["fact_id"], fact["_arrived"])
            return times

    def raw(self):
        """Return everything that was ever taken, as one text."""
        return "\n".join(
            path.read_text() for path in sorted(self.directory.glob("*.ndjson"))
        )

    def summary(self):
        """Return counts and faults.

        :return: dict with ``facts``, ``by_type``, ``batches``, ``repeats``,
            ``refusals`` and lists ``doubled`` (key and sequence twice, in different
            batches), ``unordered`` (a lower sequence after a higher), ``gaps`` (keys
            whose sequences do not run from 1), ``changed``
        """
        facts = self.facts()
        counts = Counter((fact["key"], fact["sequence"]) for fact in facts)
        last, unordered, sequences = {}, [], {}
        for fact in facts:
            key, sequence = fact["key"], fact["sequence"]
            if sequence < last.get(key, 0):
                unordered.append(f"{key}#{sequence}")
            last[key] = max(sequence, last.get(key, 0))
            sequences.setdefault(key, set()).add(sequence)
        return {
            "facts": len(facts),
            "by_type": dict(sorted(Counter(f["fact_type"] for f in facts).items())),
            "batches": len(self.batches),
            "repeats": self.repeats,
            "refusals": self.refusals,
            "doubled": [f"{k}#{s}" for (k, s), n in counts.items() if n > 1],
            "unordered": unordered,
            "gaps": [key for key, ones in sequences.items() if max(ones) > len(ones)],
            "changed": list(self.changed),
        }

    def page(self):
        """Return the last facts as an HTML page."""
        summary, facts = self.summary(), self.facts()[-SHOWN:][::-1]
        names = ("fact_type", "key", "sequence", "operation", "facility", "patient_key")
        counts = " · ".join(f"{k} {n}" for k, n in summary["by_type"].items())
        head = "".join(f"<th>{name}</th>" for name in (*names, "values"))
        rows = []
        for fact in facts:
            known = {*names, "fact_id", "schema_version", "occurred_at", "recorded_at"}
            rest = {
                name: value
                for name, value in fact.items()
                if name not in known and not name.startswith("lineage") and value
            }
            cells = [fact.get(name) for name in names] + [
                ", ".join(f"{name}={value}" for name, value in rest.items())
            ]
            line = "".join(f"<td>{html.escape(str(c or ''))}</td>" for c in cells)
            rows.append(f"<tr>{line}</tr>")
        return (
            "<!doctype html><meta charset=utf-8><title>Facts</title><style>"
            "body{font:14px system-ui;margin:2em}table{border-collapse:collapse}"
            "td,th{border-bottom:1px solid #ddd;padding:.3em .8em;text-align:left}"
            f"</style><h1>{summary['facts']} facts</h1><p>{html.escape(counts)}</p>"
            f"<p>The last {len(facts)}:</p><table><tr>{head}</tr>{''.join(rows)}"
            "</table>"
        )


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    receiver = None
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = self.receiver.take(self.headers, body)
        self.close_connection = True  # after stop() nobody may go on here
        if status:
            with contextlib.suppress(ConnectionError):  # who asked is gone
                self._answer(status, b"", "text/plain")

    def do_GET(self):
        self._answer(200, self.receiver.page().encode(), "text/html; charset=utf-8")

    def _answer(self, status, body, content_type):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if status == 429:
            self.send_header("Retry-After", "1")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Be quiet: the table is the log."""
