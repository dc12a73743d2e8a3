"""What benchmarks share: events, a server with keys, a connection that is kept."""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import statistics
import urllib.parse
import xmlrpc.client

from dev.server import Server

SOURCE = "demo-access"
SYSTEM = "urn:bench:mrn"
_numbers = itertools.count(1)

ISSUE_KEYS = """
from datetime import datetime, timedelta
source = env["healthcare.source"].search([("code", "=", "demo-access")])
admin = env.ref("base.user_admin")
rpc = env["res.users.apikeys"].with_user(admin).sudo()._generate(
    "rpc", "bench", datetime.now() + timedelta(days=1))
print(source._issue_key(), rpc)
env.cr.commit()
"""


def registration(number, day="2026-03-02"):
    """Return a registration event of one more patient, with one coverage."""
    return {
        "specversion": "1.0",
        "id": f"bench-{number}",
        "source": "urn:bench",
        "type": "healthcare.registration.created.v1",
        "time": f"{day}T08:00:00Z",
        "data": {
            "facility": "NORTH",
            "patient": {
                "identifiers": [{"system": SYSTEM, "value": f"B{number}"}],
                "name": {"family": f"Family{number}", "given": [f"Given{number}"]},
                "birth_date": "1970-01-01",
                "phones": ["+1 555 0100"],
                "address": {
                    "lines": ["1 Main Street"],
                    "city": "Springfield",
                    "state": "IL",
                    "postal_code": "62701",
                    "country": "US",
                },
            },
            "coverages": [
                {
                    "payer": {"code": "PAYER-A"},
                    "member_id": f"M{number}",
                    "priority": 1,
                }
            ],
        },
    }


def completion(number, patient, day="2026-03-03"):
    """Return a completed service, without an appointment, of a known patient."""
    return {
        "specversion": "1.0",
        "id": f"bench-service-{number}",
        "source": "urn:bench",
        "type": "healthcare.service.completed.v1",
        "time": f"{day}T09:00:00Z",
        "data": {
            "facility": "NORTH",
            "patient": {"identifiers": [{"system": SYSTEM, "value": f"B{patient}"}]},
            "service": {"id": f"S{number}", "performed_at": f"{day}T08:30:00Z"},
            "charges": [{"code": "CONSULT", "quantity": 1, "unit_price": "120.00"}],
        },
    }


def fresh_numbers(count):
    """Return numbers not used before in this run."""
    return list(itertools.islice(_numbers, count))


class Connection:
    """One kept HTTP connection with a bearer key."""

    def __init__(self, url, key):
        parts = urllib.parse.urlsplit(url)
        self.http = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self.key = key

    def call(self, method, path, body=None, content_type="application/json"):
        """Return (status, document)."""
        headers = {"Authorization": f"Bearer {self.key}"}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = content_type
        self.http.request(method, path, data, headers)
        answer = self.http.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def post_events(self, events):
        status, answer = self.call(
            "POST",
            "/healthcare/v1/events",
            events,
            "application/cloudevents-batch+json",
        )
        if status != 202 or answer["accepted"] != len(events):
            raise RuntimeError(f"events were not accepted: {status}")
        return answer

    def create(self, model, values):
        """Make one record over JSON-2 and return its id."""
        status, answer = self.call(
            "POST", f"/json/2/{model}/create", {"vals_list": [values]}
        )
        if status != 200:
            raise RuntimeError(f"JSON-2 create of {model}: {status}")
        return answer[0]

    def search(self, model, domain):
        """Return ids, over JSON-2."""
        return self.call("POST", f"/json/2/{model}/search", {"domain": domain})[1]


class XmlRpc:
    """One kept XML-RPC connection of the administrator."""

    def __init__(self, url, database, key):
        self.proxy = xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/object")
        user = xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/common")
        self.login = (database, user.authenticate(database, "admin", key, {}), key)

    def create(self, model, values):
        """Make one record and return its id."""
        return self.proxy.execute_kw(*self.login, model, "create", [[values]])[0]

    def search(self, model, domain):
        """Return ids."""
        return self.proxy.execute_kw(*self.login, model, "search", [domain])


@contextlib.contextmanager
def running(dev, name, **options):
    """Yield (server, events connection, JSON-2 connection) on a database of its own."""
    database = clone(dev, name)
    events_key, rpc_key = dev.script(database, ISSUE_KEYS).split()
    server = Server(dev, database, **options).start()
    try:
        yield (
            server,
            Connection(server.url, events_key),
            Connection(server.url, rpc_key),
        )
    finally:
        server.stop()
        dev.cluster.drop(database)


def inside(dev, name, code, rounds):
    """Run a benchmark's code inside Odoo on a database of its own; return its JSON."""
    database = clone(dev, name)
    try:
        return json.loads(script(dev, database, f"ROUNDS = {rounds}\n{code}"))
    finally:
        dev.cluster.drop(database)


def script(dev, database, code):
    """Run code inside Odoo that may import from benchmarks; return what it prints."""
    head = f"import sys; sys.path.insert(0, {str(_root())!r})\n"
    return dev.script(database, head + code)


def clone(dev, name):
    """Return a database of this run's own: several runs may stand side by side."""
    database = f"bench_{name}_{os.getpid()}"
    dev.clone(database)
    return database


def _root():
    return pathlib.Path(__file__).resolve().parent.parent


def median(values):
    return statistics.median(values)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
