"""Chains of hashes: a row that is changed, removed or put between is found.

Each row's hash covers its content and the hash before it. The hash is keyed, so that
somebody who can write the database and not the keyring cannot make another chain.
"""

import json
from collections import namedtuple

#: ``sequence`` of the first row at fault and ``reason``: ``gap``, ``link``, ``content``
Break = namedtuple("Break", "sequence reason")


def canonical(content):
    """Return the bytes of a dict of JSON values that are chained."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=True
    ).encode()


def follow(keyring, domain, sequence, previous, content):
    """Return the hash of a row.

    :param keyring: :class:`~.encryption.Keyring`
    :param int sequence: place of the row, from 1
    :param str previous: hash of the row before, empty for the first
    :param dict content: what is to be kept, as JSON values
    """
    return keyring.chain(domain, previous, canonical({**content, "#": sequence}))


def first_break(keyring, domain, rows, sequence=0, previous=""):
    """Return ``(break or None, last sequence, last hash)``.

    :param rows: iterable of ``(sequence, previous, hash, content)`` in order
    :param sequence: where the rows go on from: the last one known to be good
    """
    for number, before, found, content in rows:
        if number != sequence + 1:
            return Break(number, "gap"), sequence, previous
        if before != previous:
            return Break(number, "link"), sequence, previous
        if found != follow(keyring, domain, number, previous, content):
            return Break(number, "content"), sequence, previous
        sequence, previous = number, found
    return None, sequence, previous
