"""Calls to others: where they may go, what is told of it, and that they end."""

import ipaddress
import os
import socket
import threading
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged
from odoo.tests.common import _super_send

from odoo.addons.healthcare_connector.core.errors import InputError, TechnicalError
from odoo.addons.healthcare_connector.core.protection import outbound

LOOPBACK = outbound.networks("127.0.0.0/8")
INSIDE = (
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.31.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255", "198.18.0.1", "::", "::1", "fe80::1%eth0"),
    *("fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1"),
    *("not an address", ""),
)
OUTSIDE = ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808")


class Server:
    """Takes one connection at a time and answers it with given bytes."""

    def __init__(self, answer=b"HTTP/1.1 204 No Content\r\n\r\n", drip=None):
        self.answer, self.drip, self.seen = answer, drip, []
        self.done = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/facts"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _address = self.socket.accept()
            except OSError:
                return
            with connection:
                self.seen.append(connection.recv(65536))
                try:
                    connection.sendall(self.answer)
                    while self.drip and not self.done.wait(0.02):
                        connection.sendall(self.drip)
                except OSError:
                    continue

    def close(self):
        self.done.set()
        self.socket.close()


@tagged("-at_install", "post_install")
class TestOutbound(BaseCase):
    @classmethod
    def _request_handler(cls, session, request, /, **options):
        # Odoo's tests let nothing out; here the names lead to this machine.
        return _super_send(session, request, **options)

    def serve(self, *args, **options):
        server = Server(*args, **options)
        self.addCleanup(server.close)
        return server

    def call(self, url, allowed=LOOPBACK, **options):
        values = {"data": b"x", "headers": {}, "timeout": 5, **options}
        return outbound.post(url, allowed=allowed, **values)

    def refusal(self, url, **options):
        with self.assertRaises(TechnicalError) as caught:
            self.call(url, **options)
        return caught.exception.detail

    def resolve(self, *answers):
        """Let names lead to addresses, another one at each look-up."""
        calls = iter(answers)
        real = socket.getaddrinfo

        def look_up(host, port, *args, **options):
            if host[0].isdigit():  # an address that is connected to
                return real(host, port, *args, **options)
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in next(calls)
            ]

        return patch.object(outbound.socket, "getaddrinfo", look_up)

    def test_addresses_that_are_not_public(self):
        for address in INSIDE:
            self.assertFalse(outbound.permitted(address), address)
        for address in OUTSIDE:
            self.assertTrue(outbound.permitted(address), address)

    def test_a_named_network_is_allowed_in_every_form(self):
        allowed = outbound.networks("10.0.0.0/8, fd00::/8")
        for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::1"):
            self.assertTrue(outbound.permitted(address, allowed), address)
        for address in ("127.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::", "fe80::1"):
            self.assertFalse(outbound.permitted(address, allowed), address)

    @given(st.ip_addresses(v=4))
    def test_an_address_hidden_in_ipv6_is_judged_as_itself(self, address):
        for hiding in (0xFFFF << 32, 0x64FF9B << 96):
            hidden = str(ipaddress.IPv6Address(hiding + int(address)))
            self.assertEqual(
                outbound.permitted(hidden), outbound.permitted(str(address))
            )

    def test_addresses_as_entered(self):
        good = (
            "https://example.com/x?y=1",
            "http://example.com:8123/",
            "https://8.8.8.8",
        )
        for url in good:
            outbound.check_url(url)
        for url, code in (
            ("ftp://example.com/", "url_invalid"),
            ("file:///etc/passwd", "url_invalid"),
            ("gopher://127.0.0.1:6379/_FLUSHALL", "url_invalid"),
            ("https://", "url_invalid"),
            ("", "url_invalid"),
            (None, "url_invalid"),
            ("https://example.com:99999/", "url_invalid"),
            ("https://example.com/\r\nHost: other", "url_invalid"),
            ("https://exa mple.com/", "url_invalid"),
            ("https://public.example\\@127.0.0.1/", "url_invalid"),
            ("https://[::1", "url_invalid"),
            ("https://user:secret@example.com/", "url_credentials"),
            ("https://public.example@127.0.0.1/", "url_credentials"),
            ("http://127.0.0.1/", "url_network"),
            ("http://[::1]/", "url_network"),
            ("http://[::ffff:169.254.169.254]/", "url_network"),
            ("http://169.254.169.254/latest/meta-data/", "url_network"),
            ("http://localhost:8069/", "url_network"),
            ("http://x.localhost/", "url_network"),
        ):
            with self.assertRaises(InputError) as caught:
                outbound.check_url(url)
            self.assertEqual(caught.exception.code, code, url)
        outbound.check_url("http://localhost:8123/", LOOPBACK)

    def test_nothing_connects_to_what_is_refused(self):
        server = self.serve()
        odd = ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost")
        for host in odd:
            url = f"http://{host}:{server.port}/"
            self.assertEqual(self.refusal(url, allowed=()), outbound.UNREACHABLE, host)
        self.assertEqual(server.seen, [])
        self.assertEqual(self.call(server.url).status_code, 204)
        self.assertEqual(len(server.seen), 1)

    def test_an_unknown_name_reads_as_a_refused_one(self):
        unknown = self.refusal("https://nowhere.invalid/")
        with self.resolve(["10.0.0.7"]):
            inside = self.refusal("https://intranet.example/")
        self.assertEqual(unknown, inside)

    def test_what_was_judged_is_what_is_called(self):
        # A second look-up would lead inside; there must be none.
        server = self.serve()
        public = outbound.networks("127.0.0.1/32")
        with self.resolve(["127.0.0.1"], ["127.0.0.2"]):
            answer = self.call(f"http://rebind.example:{server.port}/", allowed=public)
        self.assertEqual(answer.status_code, 204)
        self.assertIn(b"Host: rebind.example", server.seen[0])

    def test_of_several_addresses_only_permitted_ones_are_tried(self):
        server = self.serve()
        allowed = outbound.networks("127.0.0.1/32")
        with self.resolve(["10.0.0.1", "127.0.0.2", "127.0.0.1"]):
            answer = self.call(f"http://mixed.example:{server.port}/", allowed=allowed)
        self.assertEqual(answer.status_code, 204)

    def test_redirects_are_answers(self):
        inside = self.serve()
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {inside.url}\r\n\r\n"
        server = self.serve(moved.encode())
        self.assertEqual(self.call(server.url).status_code, 307)
        self.assertEqual(inside.seen, [])

    def test_the_environment_decides_nothing(self):
        server, proxy = self.serve(), self.serve()
        address = f"http://127.0.0.1:{proxy.port}"
        names = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
        with patch.dict(os.environ, dict.fromkeys(names, address)):
            self.call(server.url)
        self.assertEqual(len(server.seen), 1)
        self.assertEqual(proxy.seen, [])

    def test_errors_name_no_address(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.assertEqual(
            self.refusal(f"http://127.0.0.1:{port}/?token=hush"), "ConnectionError"
        )

    def test_an_answer_without_end_is_left(self):
        server = self.serve(b"HTTP/1.1 200 OK\r\n\r\n", drip=b"x" * 65536)
        with patch.object(outbound, "MAX_ANSWER", 200_000):
            self.assertEqual(self.refusal(server.url), "ContentDecodingError")

    def test_a_dripping_answer_ends_with_its_time(self):
        for start in (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"):
            server = self.serve(start, drip=b"X-Drip: 1\r\n")
            with patch.object(outbound, "_PATIENCE", 0.05):
                self.assertEqual(self.refusal(server.url), "Timeout")

    def test_a_call_whose_time_is_over_when_it_connects_ends(self):
        server = self.serve(b"HTTP/1.1 200 OK\r\n\r\n", drip=b"x")
        with patch.object(outbound, "_PATIENCE", 0):
            self.assertEqual(self.refusal(server.url), "Timeout")
