"""The one way out: every call we make to another system goes through :func:`post`.

Whoever may enter an address could otherwise have the server call its own network for
him (SSRF). So an address is judged where it counts, on the socket: the name is looked
up once, and the connection goes to what was looked up and judged. A name that changes
its mind (DNS rebinding), an odd spelling of an address or a redirect leads nowhere.

Addresses that are not public (loopback, private, link-local with the metadata services
of clouds, multicast, and IPv6 forms that hide one of them) are refused unless one of
the networks given by the operator of the server contains them. Proxies and passwords
named in the environment are not used: they would decide where a call goes.
"""

import ipaddress
import os
import socket
import threading
import time
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from ..errors import InputError, TechnicalError

MAX_ANSWER = 32 * 1024 * 1024  # bytes of an answer that are read
_PATIENCE = 3  # a call may take so many times its time limit, drop by drop
_CHUNK = 64 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Not public, though older versions of Python say so.
_NOT_PUBLIC = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "64:ff9b:1::/48", "2001::/23"))
)
#: The machine itself.
LOOPBACK = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))
# One text for both: whether a name exists inside is nobody's to learn from us.
UNREACHABLE = "The host is unknown, or in a network that calls may not go to"


# -- judging ----------------------------------------------------------------------


def networks(text):
    """Return the networks of a text such as ``127.0.0.0/8, 10.1.0.0/16``.

    :raise ValueError: when one is not in CIDR notation
    """
    return tuple(
        ipaddress.ip_network(part.strip())
        for part in (text or "").split(",")
        if part.strip()
    )


def permitted(address, allowed=()):
    """Tell whether an IP address may be called.

    :param str address: as the resolver gives it, IPv4 or IPv6
    :param allowed: networks that may be called though they are not public
    """
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    for inner in _inner(found):
        if any(inner in network for network in allowed):
            continue
        if not inner.is_global or inner.is_multicast or inner.is_reserved:
            return False
        if any(inner in network for network in _NOT_PUBLIC):
            return False
    return True


def _inner(address):
    """Return the addresses a packet to this one may end at."""
    if address.version == 4:
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.ip_address(int(address) & 0xFFFFFFFF)]
    hidden = [address.sixtofour, *(address.teredo or ())]
    return [address, *(one for one in hidden if one)]


def check_url(url, allowed=()):
    """Judge an address when it is entered; names are judged when they are called.

    :raise InputError: codes ``url_invalid``, ``url_credentials``, ``url_network``
    """
    invalid = InputError(
        "url_invalid", "The address must begin with http:// or https://."
    )
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        raise invalid
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise invalid from None
    if parts.scheme not in ("http", "https") or not host or "\\" in url:
        raise invalid
    if "@" in parts.netloc:
        raise InputError(
            "url_credentials",
            "A name and password do not belong in the address, which many can read.",
        )
    try:
        ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        if host != "localhost" and not host.endswith(".localhost"):
            return  # a name: judged when it is called
        host = "127.0.0.1"
    if not permitted(host, allowed):
        raise InputError(
            "url_network",
            "This address is not public. Whoever runs the server may allow its network "
            "by the option healthcare_outbound_networks.",
        )


# -- connecting -------------------------------------------------------------------


class _Guarded:
    """A connection that judges where it goes. Its pool gives it the ``call``."""

    call = None
    _dns_host = None  # of urllib3: what it looks up and connects to

    def _new_conn(self):
        name = self._dns_host
        addresses = self.call.addresses(name, self.port)
        try:
            for number, address in enumerate(addresses, 1):
                # What was judged is what is called: nothing is looked up again.
                self._dns_host = address
                try:
                    made = super()._new_conn()
                except (HTTPError, OSError):
                    if number == len(addresses):
                        raise
                else:
                    # The connection gives its socket away; this one is ours.
                    self.call.watch(made.dup())
                    return made
        finally:
            self._dns_host = name  # the one certificates and headers speak of
        raise OSError(UNREACHABLE)


class _Plain(_Guarded, HTTPConnection):
    """Over HTTP."""


class _Secure(_Guarded, HTTPSConnection):
    """Over HTTPS."""


class _Adapter(HTTPAdapter):
    """Makes each connection of a session a guarded one."""

    def __init__(self, call):
        self.call = call
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args, **options):
        made = super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": self._pool(HTTPConnectionPool, _Plain),
            "https": self._pool(HTTPSConnectionPool, _Secure),
        }
        return made

    def _pool(self, pool, connection):
        guarded = type("Connection", (connection,), {"call": self.call})
        return type("Pool", (pool,), {"ConnectionCls": guarded})


class _Call:
    """One call: where it may go, and its end when its whole time is over."""

    def __init__(self, allowed, seconds):
        self.allowed = allowed
        self.refused = False
        self.sockets = []
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def addresses(self, host, port):
        """Return the addresses of a host that may be called."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        addresses = dict.fromkeys(entry[4][0] for entry in found)
        good = [one for one in addresses if permitted(one, self.allowed)]
        self.refused = not good
        return good

    def over(self):
        return time.monotonic() >= self._end

    def watch(self, connected):
        """End a connection with the call, also one that was made too late for it."""
        self.sockets.append(connected)
        if self.over():
            self._ring()

    def _ring(self):
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side has ended it

    def __enter__(self):
        self._timer.start()
        return self

    def __exit__(self, *_exception):
        self._timer.cancel()
        for one in self.sockets:
            one.close()


def post(url, *, data, headers, timeout, allowed=(), cert=None, authority=None):
    """Send a ``POST`` and return the answer, a :class:`requests.Response`.

    Redirects are not followed; an answer of any status is returned.

    :param bytes data: the body
    :param timeout: seconds to wait for a connection and for each part of the answer;
        the whole call may take three times as long
    :param allowed: networks that may be called though they are not public
    :param cert: path of a client certificate, or paths of certificate and key
    :param authority: path of certificates of the authorities to trust instead of the
        public ones
    :raise TechnicalError: it did not arrive for sure. The text names no address.
    """
    with _Call(allowed, timeout * _PATIENCE) as call, requests.Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(call))
        try:
            answer = session.post(
                url,
                data=data,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
                cert=cert,
                # certificates of a hospital's own authority
                verify=authority or os.environ.get("REQUESTS_CA_BUNDLE") or True,
            )
            answer._content = _body(answer, call)
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            if call.refused:
                raise TechnicalError(UNREACHABLE) from None
            # The message of the exception may repeat the address with its secrets.
            name = "Timeout" if call.over() else type(error).__name__
            raise TechnicalError(name) from None
    return answer


def _body(answer, call):
    parts, size = [], 0
    for part in answer.iter_content(_CHUNK):
        size += len(part)
        if size > MAX_ANSWER:
            raise requests.exceptions.ContentDecodingError("The answer has no end.")
        parts.append(part)
    if call.over():  # what was cut off may look like an end
        raise requests.exceptions.Timeout()
    return b"".join(parts)
