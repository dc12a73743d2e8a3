"""Request bodies that come compressed, opened within a limit."""

import zlib

from .errors import InputError

# A member is one gzip stream; clients send one, `cat a.gz b.gz` makes a few. A body of
# thousands of empty ones would cost much and bring nothing.
_MAX_MEMBERS = 64
_GZIP = 31  # zlib's number for "a gzip header and trailer, largest window"


def inflate(body, encoding, limit):
    """Return the body as it was before ``Content-Encoding``.

    Memory used stays near ``limit``, whatever the body would inflate to.

    :param bytes body: as received
    :param encoding: value of the header, ``None`` or ``""`` when there is none
    :param int limit: bytes allowed, of the body and of what it holds
    :raise InputError: ``too_large`` (413), ``unsupported_encoding`` (415),
        ``invalid_compression`` (400)
    """
    encoding = (encoding or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise InputError(
            "unsupported_encoding",
            "Only gzip is taken as Content-Encoding.",
            status=415,
        )
    if len(body) > limit:
        raise _too_large(limit)
    if encoding == "identity":
        return body
    return _gunzip(body, limit)


def _too_large(limit):
    return InputError("too_large", f"Larger than {limit} bytes.", status=413)


def _gunzip(body, limit):
    parts, size, rest = [], 0, body
    for _member in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(_GZIP)
        try:
            part = stream.decompress(rest, limit - size + 1)
        except zlib.error:
            raise _invalid() from None
        parts.append(part)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if not stream.eof:
            raise _invalid()
        # Some writers pad with zeros; RFC 1952 readers skip them.
        rest = stream.unused_data.lstrip(b"\x00")
        if not rest:
            return b"".join(parts)
    raise _invalid()


def _invalid():
    return InputError("invalid_compression", "The body is not whole gzip data.")
