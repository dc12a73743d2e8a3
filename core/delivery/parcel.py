"""A batch of facts as it goes out: written, packed, signed, posted. In any thread."""

import base64
import contextlib
import gzip
import os
import ssl
import tempfile
import uuid
from dataclasses import dataclass, field

from .. import clock
from ..errors import SignatureError, TechnicalError
from ..protection import outbound, signatures
from . import dialects

AGENT = "healthcare-connector/1.0"
#: Six packs a twentieth smaller and takes twice the time.
LEVEL = 3


@dataclass(frozen=True)
class Credentials:
    """What a target knows us by; secrets are not shown by ``repr``."""

    kind: str = "none"  # none, bearer, basic or certificate
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)  # PEM, with its chain
    key: str = field(default="", repr=False)  # PEM
    authority: str = ""  # PEM of the authority trusted instead of the public ones

    def header(self):
        """Return the ``Authorization`` header, as a dict."""
        if self.kind == "bearer":
            return {"Authorization": f"Bearer {self.token}"}
        if self.kind == "basic":
            pair = f"{self.username}:{self.password}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    def check(self):
        """Raise ValueError when certificate, key or authority are none."""
        try:
            if self.authority:
                context = ssl.create_default_context(cadata=self.authority)
            if self.kind == "certificate":
                context = ssl.create_default_context()
                with _file(self._pair()) as path:
                    # an encrypted key must not ask for its password on a terminal
                    context.load_cert_chain(path, password=lambda: "")
        except (ssl.SSLError, OSError, ValueError) as error:
            raise ValueError(type(error).__name__) from None

    @contextlib.contextmanager
    def files(self):
        """Give the paths of certificate (with its key) and authority, or None."""
        with contextlib.ExitStack() as stack:
            cert = authority = None
            if self.kind == "certificate":
                cert = stack.enter_context(_file(self._pair()))
            if self.authority:
                authority = stack.enter_context(_file(self.authority))
            yield cert, authority

    def _pair(self):
        return f"{self.certificate}\n{self.key}\n"


@dataclass(frozen=True)
class Parcel:
    """A batch on its way.

    ``number`` is its idempotency key, a UUID; ``secret`` a ``whsec_`` text or None;
    ``timeout`` is in seconds; ``allowed`` are networks, see
    :mod:`..protection.outbound`.
    """

    url: str
    dialect: str
    documents: list = field(repr=False)
    number: str
    timeout: float
    credentials: Credentials = Credentials()
    secret: str | None = field(default=None, repr=False)
    content: tuple | None = field(default=None, repr=False)  # ready (type, bytes)
    allowed: tuple = ()


def send(parcel):
    """Post a parcel and return the :class:`.dialects.Answer`."""
    try:
        content_type, body = parcel.content or dialects.encode(
            parcel.dialect, parcel.documents
        )
    except (ValueError, TypeError):
        return dialects.Answer("refused", "it cannot be written as JSON")
    packed = gzip.compress(body, compresslevel=LEVEL, mtime=0)
    trace = f"00-{uuid.UUID(parcel.number).hex}-{uuid.uuid4().hex[:16]}-01"
    try:
        headers = {
            "Content-Type": content_type,
            "Content-Encoding": "gzip",
            "Idempotency-Key": f'"{parcel.number}"',
            "User-Agent": AGENT,
            "traceparent": trace,
            **parcel.credentials.header(),
            **_signature(parcel, packed),
        }
        with parcel.credentials.files() as (cert, authority):
            response = outbound.post(
                parcel.url,
                data=packed,
                headers=headers,
                timeout=parcel.timeout,
                allowed=parcel.allowed,
                cert=cert,
                authority=authority,
            )
    except TechnicalError as error:
        return dialects.Answer("later", error.detail)
    except (SignatureError, ValueError):
        return dialects.Answer("wrong", "a secret of the target cannot be used")
    return dialects.read(
        parcel.dialect,
        response.status_code,
        response.headers,
        response.content or b"",
        len(parcel.documents),
    )


def _signature(parcel, packed):
    if not parcel.secret:
        return {}
    now = clock.epoch()
    return {
        "webhook-id": parcel.number,
        "webhook-timestamp": str(now),
        "webhook-signature": signatures.sign(
            [parcel.secret], parcel.number, now, packed
        ),
    }


@contextlib.contextmanager
def _file(text):
    """The path of a file with a text; where the system can, one in memory only."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("certificate")
        try:
            os.write(number, text.encode())
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
        return
    with tempfile.NamedTemporaryFile() as file:  # readable by us alone
        file.write(text.encode())
        file.flush()
        yield file.name
