"""Standard Webhooks 1.0.0 signatures: made and checked.

``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``. The library
``standardwebhooks`` is the oracle of the tests, not used here: it signs texts only
(what we send is gzip), takes one secret and one window, and fails with odd exceptions
on malformed headers.

Specification: https://github.com/standard-webhooks/standard-webhooks
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import time

from ..errors import SignatureError

TOLERANCE = 300  # seconds
_PREFIX = "whsec_"
_MIN_SECRET, _MAX_SECRET = 24, 64  # bytes
_MAX_TOKENS = 16
_TIMESTAMP = re.compile(r"[0-9]{1,12}\Z")
_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,255}\Z")  # printable, no blank, no "."


def generate_secret():
    """Return a new secret, ``whsec_`` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(os.urandom(32)).decode()


def _key(secret):
    """Return the bytes of a secret; :class:`SignatureError` when it is none."""
    text = secret.removeprefix(_PREFIX) if isinstance(secret, str) else ""
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("no_secret") from None
    if not _MIN_SECRET <= len(key) <= _MAX_SECRET:
        raise SignatureError("no_secret")
    return key


def _signature(key, message_id, timestamp, body):
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(key, signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def sign(secrets, message_id, timestamp, body):
    """Return the value of the ``webhook-signature`` header.

    :param secrets: ``whsec_…`` texts; one signature each, so that the receiver may
        change from one to the next in its own time
    :param str message_id: ``webhook-id``; no ``.`` in it
    :param int timestamp: ``webhook-timestamp``, seconds since 1970
    :param bytes body: exactly what is sent
    :raise SignatureError: ``no_secret``, ``invalid_header``
    """
    if not secrets:
        raise SignatureError("no_secret")
    if not _ID.match(message_id):
        raise SignatureError("invalid_header")
    return " ".join(
        _signature(_key(secret), message_id, timestamp, body) for secret in secrets
    )


def verify(secrets, headers, body, now=None, tolerance=TOLERANCE):
    """Check that a body was signed with one of the secrets, and just now.

    :param secrets: ``whsec_…`` texts; an unusable one is passed over, and without a
        usable one nothing verifies
    :param headers: mapping of header names (any case) to texts
    :param bytes body: as received, before decompression
    :param now: seconds since 1970, the clock's when ``None``
    :param int tolerance: seconds the timestamp may be off, either way
    :return: the message id
    :raise SignatureError: ``no_secret``, ``missing_header``, ``invalid_header``,
        ``stale``, ``mismatch``
    """
    keys = _usable(secrets)
    values = {name.lower(): value for name, value in headers.items()}
    message_id = values.get("webhook-id")
    timestamp = values.get("webhook-timestamp")
    signatures = values.get("webhook-signature")
    if not (message_id and timestamp and signatures):
        raise SignatureError("missing_header")
    if not (_ID.match(message_id) and _TIMESTAMP.match(timestamp)):
        raise SignatureError("invalid_header")
    seconds = int(timestamp)
    if abs((time.time() if now is None else now) - seconds) > tolerance:
        raise SignatureError("stale")
    offered = [
        token.encode("utf-8", "replace")
        for token in signatures.split(" ", _MAX_TOKENS)[:_MAX_TOKENS]
        if token.startswith("v1,")
    ]
    found = False
    for key in keys:
        expected = _signature(key, message_id, seconds, body).encode()
        for token in offered:
            # No early end: the time taken tells nothing about which one fits.
            found |= hmac.compare_digest(expected, token)
    if not found:
        raise SignatureError("mismatch")
    return message_id


def _usable(secrets):
    keys = []
    for secret in secrets or ():
        try:
            keys.append(_key(secret))
        except SignatureError:
            continue
    if not keys:
        raise SignatureError("no_secret")
    return keys
