"""The deployment recipe: what of it can be checked without a container engine."""

import ast
import configparser
import contextlib
import http.server
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from odoo.tests import BaseCase, tagged
from odoo.tools import config

from odoo.addons.healthcare_connector.core.protection.encryption import Keyring
from odoo.addons.healthcare_connector.core.protection.outbound import networks
from odoo.addons.healthcare_connector.dev import nginx
from odoo.addons.healthcare_connector.dev.common import DevError, free_port
from odoo.addons.healthcare_connector.models.exchange import keyring, outbound

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "deploy"


@tagged("post_install", "-at_install")
class TestDeploy(BaseCase):
    def setUp(self):
        super().setUp()
        if not FOLDER.exists():
            self.skipTest("Only a checkout has the recipe")

    def test_compose(self):
        compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
        services = compose["services"]
        self.assertEqual(set(services), {"database", "odoo", "jobs", "proxy"})
        for name, service in services.items():
            for secret in service.get("secrets", ()):
                self.assertIn(secret, compose["secrets"], name)
            for volume in service.get("volumes", ()):
                source = volume.split(":")[0]
                if source.startswith("./"):
                    if not source.endswith("certificates"):
                        self.assertTrue((FOLDER / source).exists(), source)
                else:
                    self.assertIn(source, compose["volumes"])
        self.assertEqual(services["proxy"]["ports"], ["443:443"])
        for name in ("database", "odoo", "jobs"):
            self.assertNotIn("ports", services[name])

    def test_configuration(self):
        parser = configparser.ConfigParser()
        parser.read(FOLDER / "odoo.conf")
        options = dict(parser["options"])
        ours = {keyring.CONFIG_OPTION, outbound.CONFIG_OPTION}
        known = set(config.options) | ours
        self.assertLessEqual(set(options), known)
        self.assertEqual(options["proxy_mode"], "True")
        self.assertEqual(options["list_db"], "False")
        self.assertIn(keyring.CONFIG_OPTION, options)
        example = re.search(
            rf"; {outbound.CONFIG_OPTION} = (.*)", (FOLDER / "odoo.conf").read_text()
        )
        self.assertTrue(networks(example[1]))

    def test_the_image_has_what_the_addon_needs(self):
        recipe = (FOLDER / "Containerfile").read_text()
        manifest = ast.literal_eval((FOLDER.parent / "__manifest__.py").read_text())
        for name in manifest["external_dependencies"]["python"]:
            self.assertIn(name, recipe)
        for source in re.findall(r"^COPY (\S+) ", recipe, re.M):
            if not source.startswith("dist/"):
                self.assertTrue((FOLDER / source).exists(), source)

    def test_commands_of_the_recipe(self):
        text = (FOLDER / "compose.yaml").read_text()
        self.assertIn(
            "python3 -m core.protection.keyring_command generate -f deploy/", text
        )
        self.assertIn("(cd .. && dev/wheel deploy/dist)", text)
        for path in ("core/protection/keyring_command.py", "dev/wheel"):
            self.assertTrue((FOLDER.parent / path).exists())
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "keyring.json")
            words = (
                "-m",
                "core.protection.keyring_command",
                "generate",
                "-f",
                str(file),
            )
            subprocess.run(
                [sys.executable, *words], cwd=FOLDER.parent, check=True, timeout=60
            )
            self.assertTrue(Keyring.load(file))

    def test_the_proxy_gives_true_addresses(self):
        text = (FOLDER / "nginx.conf").read_text()
        self.assertEqual(text.count("{"), text.count("}"))
        for line in (
            "proxy_set_header X-Forwarded-For $remote_addr;",
            "proxy_request_buffering on;",
            "proxy_next_upstream off;",
            "client_body_timeout",
        ):
            self.assertIn(line, text)
        # of nginx: a location with headers of its own inherits none
        places = re.findall(r"location \S+ \{(.*?)\}", text, re.DOTALL)
        self.assertEqual(len(places), 4)
        for place in places:
            if "proxy_set_header" in place:
                for name in ("Host", "X-Forwarded-For", "X-Odoo-Database"):
                    self.assertIn(f"proxy_set_header {name} ", place)


class _Upstream(http.server.BaseHTTPRequestHandler):
    """Stands in for Odoo: says what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        lines = [f"{name.lower()}: {value}" for name, value in self.headers.items()]
        answer = "\n".join([self.path, *lines, ""]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_args):
        """Say nothing on stderr."""


@tagged("post_install", "-at_install")
class TestProxy(BaseCase):
    """A real nginx with the recipe's configuration before something like Odoo."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not FOLDER.exists():
            cls.skipTest(cls, "Only a checkout has the recipe")
        try:
            program = nginx.path()
        except DevError as error:
            if os.environ.get("CI"):
                raise
            # the configuration is read without it, above
            cls.skipTest(cls, f"no nginx: {error}")
        cls.upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
        threading.Thread(target=cls.upstream.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.upstream.server_close)
        cls.addClassCleanup(cls.upstream.shutdown)
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.port, inside = free_port(), cls.upstream.server_port
        text = (FOLDER / "nginx.conf").read_text()
        for old, new in (
            ("listen 443 ssl", f"listen 127.0.0.1:{cls.port} ssl"),
            ("server odoo:8069;", f"server 127.0.0.1:{inside};"),
            ("server odoo:8072;", f"server 127.0.0.1:{inside};"),
            ("client_body_timeout 20s", "client_body_timeout 1s"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        places = "".join(
            f"{name}_temp_path {folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = text.replace("http {", f"http {{\n{places}access_log off;", 1)
        text = f"pid {folder}/pid;\nerror_log {folder}/log;\ndaemon off;\n{text}"
        (folder / "nginx.conf").write_text(text)
        _certificate(folder / "certificates")
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        command += ["-e", str(folder / "log")]
        checked = subprocess.run(
            [*command, "-t"], capture_output=True, text=True, timeout=30
        )
        assert not checked.returncode, checked.stderr
        cls.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.process.wait, 20)
        cls.addClassCleanup(cls.process.terminate)
        for _turn in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", cls.port), 1).close()
                break
            time.sleep(0.05)

    def connect(self, name="odoo.example.com"):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        self.addCleanup(plain.close)
        return context.wrap_socket(plain, server_hostname=name)

    def ask(self, path, *headers, body=b"", name="odoo.example.com"):
        """Return the answer as text."""
        head = [f"POST {path} HTTP/1.1", f"Host: {name}", "Connection: close"]
        head += [f"Content-Length: {len(body)}", *headers, "", ""]
        with self.connect() as connection:
            connection.sendall("\r\n".join(head).encode() + body)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def test_what_a_client_says_of_itself_is_replaced(self):
        forged = ("X-Forwarded-For: 10.1.2.3", "X-Odoo-Database: another")
        forged += ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http")
        for path in ("/healthcare/v1/events", "/websocket", "/odoo"):
            with self.subTest(path=path):
                answer = self.ask(path, *forged, body=b"{}")
                self.assertIn("200 OK", answer)
                self.assertIn("\nx-forwarded-for: 127.0.0.1\n", answer)
                self.assertIn("\nhost: odoo.example.com\n", answer)
                self.assertIn("\nx-forwarded-host: odoo.example.com\n", answer)
                self.assertIn("\nx-forwarded-proto: https\n", answer)
                self.assertNotIn("another", answer)
                self.assertIn("Strict-Transport-Security", answer)

    def test_metrics_are_for_inside(self):
        self.assertIn(" 403 ", self.ask("/healthcare/metrics").splitlines()[0])

    def test_another_name_gets_no_answer(self):
        with self.assertRaises(ssl.SSLError):
            self.connect("evil.example")

    def test_a_slow_body_is_ended_before_odoo_sees_it(self):
        with self.connect() as connection:
            connection.sendall(
                b"POST /healthcare/v1/events HTTP/1.1\r\nHost: odoo.example.com\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            connection.settimeout(10)
            self.assertNotIn(b"200", connection.recv(65536))

    def test_too_large_a_body_is_refused_at_the_door(self):
        head = "POST /healthcare/v1/events HTTP/1.1\r\nHost: odoo.example.com\r\n"
        with self.connect() as connection:
            connection.sendall(f"{head}Content-Length: {10**9}\r\n\r\n".encode())
            self.assertIn(b" 413 ", connection.recv(65536))


def _certificate(folder):
    """Write a certificate for ``odoo.example.com`` and its key."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odoo.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
