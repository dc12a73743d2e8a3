"""The command that checks the record of who saw what; needs no running server.

As ``odoo healthcare_access_record …`` where the addon lies in the addons path.
"""

import argparse
import os
import re
import sys

from ..errors import KeyringError
from . import access_record
from .encryption import Keyring
from .keyring_command import VARIABLE

ACTIONS = {
    "check": "follow the chain from its first entry; name the first that is at fault",
    "head": "the same, and print the head alone, to be kept elsewhere",
}
EPILOG = """
The head is the place and the hash of the last entry, PLACE:HASH. Keep it where nobody
who can write the database can write: a later check that is given it proves that nothing
was cut off or made anew since.
"""
REASONS = {
    "gap": "entries before it were removed or put between",
    "link": "it does not follow the entry before it",
    "content": "what it says was changed",
    "head": "it is gone, or it is another one than when its head was kept",
}
_HEAD = re.compile(r"(\d{1,12}):([0-9a-f]{64})")


def main(arguments, connect, default_path=None, out=sys.stdout):
    """Run the command and return its exit code: 0 sound, 1 trouble, 2 wrong use.

    :param connect: function of a database name giving a cursor as context manager
    :param default_path: the keyring file where none is named
    """
    parser = argparse.ArgumentParser(
        prog="healthcare_access_record",
        description=__doc__.splitlines()[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:10}{text}" for name, text in ACTIONS.items()) + EPILOG,
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("-d", "--database", required=True)
    parser.add_argument(
        "-f",
        "--file",
        default=os.environ.get(VARIABLE) or default_path,
        help="the keyring file",
    )
    parser.add_argument(
        "--head",
        action="append",
        default=[],
        metavar="PLACE:HASH",
        help="a head that was kept; may be given several times",
    )
    parser.add_argument("--heads", metavar="FILE", help="a file of heads, one a line")
    try:
        words = parser.parse_args(arguments)
    except SystemExit as stop:
        return stop.code or 0

    def say(text):
        out.write(f"{text}\n")

    if not words.file:
        say(f"Name the keyring file with --file or {VARIABLE}.")
        return 2
    try:
        heads = _heads(words)
    except (OSError, UnicodeDecodeError):
        say(f"The file of heads cannot be read: {words.heads}")
        return 2
    except ValueError as error:
        say(f"This is not a head, PLACE:HASH: {error}")
        return 2
    try:
        keyring = Keyring.load(words.file)
    except KeyringError as error:
        say(f"{error.code}: {error.detail}")
        return 1
    with connect(words.database) as cr:
        return _check(cr, keyring, heads, words.action, say)


def _heads(words):
    """Return ``[(place, hash)]`` of what was kept."""
    texts = list(words.head)
    if words.heads:
        with open(words.heads, encoding="utf-8") as file:
            texts += filter(None, map(str.strip, file))
    heads = []
    for text in texts:
        if not (match := _HEAD.fullmatch(text)):
            raise ValueError(text[:80])
        heads.append((int(match[1]), match[2]))
    return heads


def _check(cr, keyring, heads, action, say):
    def rows(query, *parameters):
        cr.execute(query, parameters)
        return cr.fetchall()

    if rows("SELECT to_regclass(%s)", access_record.TABLE) == [(None,)]:
        say("This database has no access record: is the addon installed in it?")
        return 1
    broken, count, last = access_record.follow(
        keyring, lambda place: rows(access_record.AFTER, place), heads
    )
    if broken:
        place, reason = broken
        say(f"Entry {place:,} is the first at fault: {REASONS[reason]}.")
        return 1
    if cut := rows(access_record.CUT_OFF):
        say(
            f"Entry {cut[0][0]:,}, which an earlier check saw, is gone or is another"
            f" one; there are {count:,}."
        )
        return 1
    if action == "head":
        say(f"{count}:{last}" if count else "The record is empty.")
        return 0
    ((waiting,),) = rows(
        f"SELECT count(*) FROM {access_record.TABLE} WHERE sequence IS NULL"  # nosec B608 # our own name
    )
    say(f"The record is sound: {count:,} entries.")
    if heads:
        say(f"Nothing was cut off since {len(heads):,} heads were kept.")
    if waiting:
        say(f"{waiting:,} entries are not chained yet: the next daily check does it.")
    if count:
        say(f"Head: {count}:{last}")
    return 0
