"""Keys, and what they seal.

Sealed = version (1 byte) ‖ length of key id (1 byte) ‖ key id ‖ nonce (12 bytes) ‖
AES-256-GCM ciphertext and tag. Associated data binds the context (database, model,
record, field) and everything before the nonce, so that a ciphertext moved to another
row, or relabelled with another key, does not open. Sealing adds 30 bytes and the id.

A keyring file is JSON, readable by the server's user only::

    {"version": 1, "active": "k2026-1",
     "keys": {"k2026-1": {"secret": "<base64 of 32 bytes>", "state": "active",
                          "created": "2026-01-01T00:00:00+00:00"}},
     "index": {"secret": "<base64 of 32 bytes>"}}

Secrets are never used as they are: HKDF-SHA256 derives a key per purpose. The index
secret does not rotate, since what it made must be found again. Random nonces allow
2**32 sealings under one key (NIST SP 800-38D 8.3); rotate long before.
"""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import os
import stat
import struct
import tempfile
from datetime import UTC, datetime
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import KeyringError

_logger = logging.getLogger(__name__)

_VERSION = 1
_NONCE = 12
_TAG = 16
_SECRET = 32
_LENGTH = struct.Struct(">I").pack
_STATES = ("active", "standby", "retired")


def _derive(secret, purpose):
    info = b"healthcare_connector/1/" + purpose.encode()
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret)


def _bind(parts):
    """Encode a sequence of bytes so that no two sequences encode alike."""
    return b"".join([_LENGTH(len(part)) + part for part in parts])


class Keyring:
    """Seals, opens and indexes; immutable, safe to share between threads.

    :param dict document: content of a keyring file
    :raise KeyringError: ``keyring_invalid``
    """

    def __init__(self, document):
        try:
            self._read(document)
        except KeyringError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # The message could hold a secret; its type does not.
            raise _invalid(f"it is not as expected ({type(error).__name__})") from None

    def _read(self, document):
        if document["version"] != 1:
            raise _invalid("its version is not 1")
        self.active = document["active"]
        self._ciphers = {}
        self.states = {}
        self.created = {}
        for key_id, key in document["keys"].items():
            if not 1 <= len(key_id.encode()) <= 64:
                raise _invalid("a key id is empty or over 64 bytes")
            if key["state"] not in _STATES:
                raise _invalid("a key is neither active, standby nor retired")
            self.states[key_id] = key["state"]
            self.created[key_id] = str(key.get("created") or "")
            secret = _secret(key["secret"])
            self._ciphers[key_id] = AESGCM(_derive(secret, "payload"))
        if self.states.get(self.active) != "active":
            raise _invalid("the active key is not among its active keys")
        self._index = _secret(document["index"]["secret"])
        self._index_key = lru_cache(maxsize=64)(
            lambda purpose: _derive(self._index, purpose)
        )
        self._active_id = self.active.encode()

    def __repr__(self):
        return f"<Keyring active={self.active!r} keys={len(self._ciphers)}>"

    # -- files ------------------------------------------------------------------

    @classmethod
    def generate_file(cls, path):
        """Make a keyring file (mode 0600); never overwrites one.

        :return: the new :class:`Keyring`
        :raise KeyringError: ``keyring_exists``, ``keyring_unreadable``
        """
        now = datetime.now(UTC)
        key_id = f"k{now.year}-1"
        document = {
            "version": 1,
            "active": key_id,
            "keys": {key_id: _new_key(now)},
            "index": {"secret": _new_secret()},
        }
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise KeyringError(
                "keyring_exists", "There is a keyring file already; it was kept."
            ) from None
        except OSError as error:
            raise _unreadable(error) from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        return cls(document)

    @classmethod
    def rotate_file(cls, path):
        """Add a new active key to a keyring file; the old ones only open from now on.

        For one server. Several get the file between :meth:`add_file` and
        :meth:`activate_file`.

        :return: the new :class:`Keyring`
        """
        return cls.activate_file(path, cls.add_file(path))

    @classmethod
    def add_file(cls, path):
        """Add a standby key to a keyring file: it opens, and seals nothing yet.

        Several servers get the file with the new key first, and use it afterwards.

        :return: the id of the new key
        """
        document = _read_file(path)
        cls(document)
        now = datetime.now(UTC)
        number = 1
        while (key_id := f"k{now.year}-{number}") in document["keys"]:
            number += 1
        document["keys"][key_id] = {**_new_key(now), "state": "standby"}
        _replace_file(path, document)
        return key_id

    @classmethod
    def activate_file(cls, path, key_id):
        """Seal with another key of the file from now on; the old one only opens.

        :return: the new :class:`Keyring`
        :raise KeyringError: ``unknown_key``
        """
        document = _read_file(path)
        cls(document)
        if key_id not in document["keys"]:
            raise KeyringError("unknown_key", "There is no such key in the keyring.")
        for name, key in document["keys"].items():
            if name == key_id:
                key["state"] = "active"
            elif key["state"] == "active":
                key["state"] = "retired"
        document["active"] = key_id
        _replace_file(path, document)
        return cls(document)

    @classmethod
    def remove_file(cls, path, key_id):
        """Take a key out of a keyring file: what it sealed can never be opened again.

        :raise KeyringError: ``unknown_key``, ``key_active``
        """
        document = _read_file(path)
        cls(document)
        if key_id not in document["keys"]:
            raise KeyringError("unknown_key", "There is no such key in the keyring.")
        if key_id == document["active"]:
            raise KeyringError("key_active", "The active key cannot be removed.")
        del document["keys"][key_id]
        _replace_file(path, document)

    @classmethod
    def load(cls, path):
        """Read a keyring file.

        :raise KeyringError: ``keyring_missing``, ``keyring_unreadable``,
            ``keyring_exposed`` (others may write it), ``keyring_invalid``
        """
        return cls(_read_file(path))

    # -- sealing ----------------------------------------------------------------

    def seal(self, plaintext, *context):
        """Encrypt under the active key.

        :param bytes plaintext: what to hide
        :param str context: what it belongs to; the same must be given to open it
        :return: bytes
        """
        return self._seal(self.active, self._active_id, plaintext, context)

    def _seal(self, key_id, key_bytes, plaintext, context):
        header = bytes((_VERSION, len(key_bytes))) + key_bytes
        nonce = os.urandom(_NONCE)
        bound = _bind((header, *(part.encode() for part in context)))
        return header + nonce + self._ciphers[key_id].encrypt(nonce, plaintext, bound)

    def open(self, sealed, *context):
        """Decrypt what :meth:`seal` made with the same context.

        :return: bytes
        :raise KeyringError: ``unknown_key``, ``tampered``
        """
        sealed = bytes(sealed)
        header, key_id = _split(sealed)
        bound = _bind((header, *(part.encode() for part in context)))
        return _opened(self._cipher(key_id), sealed, len(header), bound)

    def opener(self, before=(), after=()):
        """Return what opens many whose contexts differ in one part alone.

        :param before: the parts of the context before that one
        :param after: the parts after it
        :return: function of what is sealed and that part, like :meth:`open`
        """
        first = [part.encode() for part in before]
        last = _bind([part.encode() for part in after])
        known = {}  # header -> cipher, and the beginning of what is bound

        def opening(sealed, part):
            header = sealed[: 2 + sealed[1]] if len(sealed) > 1 else b""
            if header not in known:
                header, key_id = _split(sealed)
                known[header] = self._cipher(key_id), _bind((header, *first))
            cipher, bound = known[header]
            part = part.encode()
            bound = b"".join((bound, _LENGTH(len(part)), part, last))
            return _opened(cipher, sealed, len(header), bound)

        return opening

    def _cipher(self, key_id):
        if key_id not in self._ciphers:
            raise KeyringError(
                "unknown_key", "Sealed with a key that is not in the keyring."
            )
        return self._ciphers[key_id]

    @property
    def active_header(self):
        """What everything sealed with the active key begins with (bytes)."""
        return bytes((_VERSION, len(self._active_id))) + self._active_id

    @staticmethod
    def key_id_of(sealed):
        """Return the id of the key something was sealed with."""
        return _split(bytes(sealed))[1]

    def is_current(self, sealed):
        """Tell whether something is sealed with the active key (else: re-seal it)."""
        return self.key_id_of(sealed) == self.active

    # -- keyed hashes -----------------------------------------------------------

    def blind_index(self, domain, value):
        """Return 32 hex characters by which an equal value can be found again.

        Stable over key rotation. Not for values that are easily guessed (a birth
        date or sex alone): equality itself tells them.

        :param str domain: what the value is; other domains give other indexes
        :param str value: normalised by the caller
        """
        return self._keyed(f"index/{domain}", value)

    def pseudonym(self, domain, value):
        """Return 32 hex characters standing for a person in a limited data set.

        Derived from the value, so not for safe harbor (45 CFR 164.514(c)).
        """
        return self._keyed(f"pseudonym/{domain}", value)

    def chain(self, domain, previous, content):
        """Return 64 hex characters that follow ``previous`` in a chain of hashes.

        Keyed, so that who can write the database alone cannot make another chain.

        :param str previous: the hash before, empty for the first
        :param bytes content: what is chained
        """
        key = self._index_key(f"chain/{domain}")
        return hmac.digest(key, _bind((previous.encode(), content)), "sha256").hex()

    def _keyed(self, purpose, value):
        digest = hmac.digest(self._index_key(purpose), value.encode(), hashlib.sha256)
        return digest[:16].hex()


_cached = {}


def get(path):
    """Return the keyring of a file, read again only when the file changes.

    :raise KeyringError: as :meth:`Keyring.load`
    """
    path = os.fspath(path)
    try:
        status = os.stat(path)
    except OSError as error:
        raise _unreadable(error) from None
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
    known = _cached.get(path)
    if known is None or known[0] != stamp:
        # Two threads may both read it: the same result, set in one step.
        known = _cached[path] = (stamp, Keyring.load(path))
    return known[1]


# -- details --------------------------------------------------------------------


def _new_secret():
    return base64.b64encode(os.urandom(_SECRET)).decode()


def _new_key(now):
    return {
        "secret": _new_secret(),
        "state": "active",
        "created": now.isoformat(timespec="seconds"),
    }


def _secret(text):
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise _invalid("a secret is not base64") from None
    if len(secret) != _SECRET:
        raise _invalid(f"a secret is not {_SECRET} bytes long")
    return secret


def _opened(cipher, sealed, start, bound):
    try:
        return cipher.decrypt(
            sealed[start : start + _NONCE], sealed[start + _NONCE :], bound
        )
    except (InvalidTag, ValueError):  # ValueError: too short to be anything
        raise _tampered() from None


def _split(sealed):
    """Return ``(header, key id)``."""
    if len(sealed) < 2 or sealed[0] != _VERSION:
        raise _tampered()
    header = sealed[: 2 + sealed[1]]
    if len(sealed) < len(header) + _NONCE + _TAG or len(header) != 2 + sealed[1]:
        raise _tampered()
    try:
        return header, header[2:].decode()
    except UnicodeDecodeError:
        raise _tampered() from None


def _replace_file(path, document):
    """Write a keyring file in one step: a reader sees the old or the new one."""
    directory = os.path.dirname(os.path.abspath(path))
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        # mkstemp makes files 0600; a group that may read keeps this right.
        descriptor, temporary = tempfile.mkstemp(".keyring", dir=directory)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fchmod(file.fileno(), mode & 0o640 | 0o600)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _unreadable(error) from None


def _read_file(path):
    try:
        with open(path, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(1 << 20)
    except OSError as error:
        raise _unreadable(error) from None
    except UnicodeDecodeError:
        raise _invalid("it is not UTF-8") from None
    if mode & stat.S_IWOTH:
        raise KeyringError("keyring_exposed", "Anyone may write the keyring file.")
    if mode & stat.S_IROTH:
        # Orchestrators mount secrets like this by default, so only a warning.
        _logger.warning("The keyring file is readable by every user of this machine.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid("it is not JSON") from None


def _invalid(reason):
    return KeyringError("keyring_invalid", f"The keyring cannot be used: {reason}.")


def _unreadable(error):
    if isinstance(error, FileNotFoundError):
        return KeyringError("keyring_missing", "There is no keyring file there.")
    return KeyringError(
        "keyring_unreadable",
        f"The keyring file cannot be used: {error.strerror or 'unknown error'}.",
    )


def _tampered():
    return KeyringError("tampered", "Not what was sealed, or sealed for another place.")
