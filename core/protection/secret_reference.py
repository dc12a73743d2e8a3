"""Secrets that are named, not stored: ``env:NAME`` and ``file:NAME``.

Whoever may set up a target or a source must not thereby read any file or variable of
the server. So variables must begin with :data:`PREFIX`, and files must lie in the one
folder that the server's administrator has set aside for this.
"""

import os
import re

from ..errors import KeyringError

PREFIX = "HEALTHCARE_SECRET_"
FOLDER_VARIABLE = "HEALTHCARE_SECRETS_DIR"
FOLDER = "/run/secrets"
MAX_BYTES = 16 * 1024

_REFERENCE = re.compile(r"(env|file):([A-Za-z0-9_.-]{1,128})\Z")


def is_reference(text):
    """Return whether a text names a secret instead of being one."""
    return bool(text) and str(text).startswith(("env:", "file:"))


def check(text):
    """Return what is wrong with how a reference is written, or ``None``.

    :return: ``syntax`` or ``prefix``
    """
    match = _REFERENCE.match(text or "")
    if not match or match[2].startswith("."):
        return "syntax"
    if match[1] == "env" and not match[2].startswith(PREFIX):
        return "prefix"
    return None


def resolve(text, folder=None, environ=None):
    """Return the secret that a reference names.

    :param folder: where files may lie; ``None`` means the variable
        ``HEALTHCARE_SECRETS_DIR``, else ``/run/secrets``
    :raise KeyringError: ``secret_missing``; never says what was found instead
    """
    environ = os.environ if environ is None else environ
    if check(text):
        raise _missing("The reference to a secret is not written as it should be.")
    kind, _colon, name = text.partition(":")
    if kind == "env":
        value = environ.get(name)
    else:
        value = _file(folder or environ.get(FOLDER_VARIABLE) or FOLDER, name)
    if not value or not value.strip():
        raise _missing("The secret that is referred to is not there.")
    return value.strip()


def resolved(text):
    """Return a secret: as it is, or what it refers to.

    :raise KeyringError: ``secret_missing``
    """
    return resolve(text) if is_reference(text) else text


def _file(folder, name):
    """Return the text of a file that lies in the folder itself, else ``None``."""
    path = os.path.join(os.path.realpath(folder), name)
    # Orchestrators link each file to one in a folder below; out of it leads nothing.
    inside = os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep)
    if not inside:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) <= MAX_BYTES else None


def _missing(detail):
    return KeyringError("secret_missing", detail)
