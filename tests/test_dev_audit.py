"""What is locked, and that not to know of vulnerabilities is not to have none."""

import http.server
import io
import json
import os
import pathlib
import tempfile
import threading
from unittest.mock import patch

from odoo.tests import BaseCase

from ..dev import audit

HASH = "--hash=sha256:" + "a" * 64


class _Advisories(http.server.BaseHTTPRequestHandler):
    bad = ()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = [
            {"vulns": [{"id": "X-1"}]} if one["package"]["name"] in self.bad else {}
            for one in body["queries"]
        ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"results": results}).encode())

    def log_message(self, *_words):
        """Say nothing."""


class TestAudit(BaseCase):
    def ask(self, address):
        said = io.StringIO()
        with (
            patch.dict(os.environ, {"HEALTHCARE_OSV": address}),
            patch.object(audit, "say", lambda *words: said.write(" ".join(words))),
        ):
            return audit.main([]), said.getvalue()

    def test_everything_is_locked_and_what_is_not_is_found(self):
        self.assertFalse(audit.unlocked())
        self.assertIn(("PyPI", "bandit"), {one[:2] for one in audit.locked()})
        self.assertIn(("npm", "prettier"), {one[:2] for one in audit.locked()})
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "a.txt").write_text(
                f"# made\ngood==1.0 \\\n    {HASH}\nloose>=1 {HASH}\nbare==2.0\n"
                f"git+https://example.org/x {HASH}\n"
            )
            node = path / "package-lock.json"
            node.write_text(
                json.dumps({"packages": {"node_modules/x": {"version": "1"}}})
            )
            problems = audit.unlocked(path, node)
        self.assertEqual(
            [one.split()[1][:5] for one in problems], ["loose", "bare=", "git+h", "x"]
        )

    def test_known_unknown_and_not_reached(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Advisories)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        try:
            self.assertEqual(self.ask(address)[0], 0)
            with patch.object(_Advisories, "bad", ("bandit", "prettier")):
                code, said = self.ask(address)
            self.assertEqual(code, audit.FOUND)
            self.assertIn("PyPI bandit", said)
            self.assertIn("npm prettier", said)
        finally:
            server.shutdown()
            server.server_close()
        code, said = self.ask(address)
        self.assertEqual(code, audit.UNREACHED)
        self.assertIn("could not reach", said)
        self.assertIn("not a pass", said)
