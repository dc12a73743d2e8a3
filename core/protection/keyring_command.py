"""The command for keyring files; needs neither Odoo's models nor a running server.

As ``odoo healthcare_keyring …`` where the addon lies in the addons path, or as
``python -m core.protection.keyring_command …`` in the addon's folder.
"""

import argparse
import os
import sys

from ..errors import KeyringError
from . import sealed_columns
from .encryption import Keyring

VARIABLE = "HEALTHCARE_KEYRING_FILE"
ACTIONS = {
    "check": "look whether the file can be used; with -d, what its keys seal",
    "generate": "make a keyring file with one key",
    "add": "add a standby key: hand the file to all servers, then activate it",
    "activate": "seal with KEY from now on; the old key only opens",
    "rotate": "add and activate in one step, for a single server",
    "remove": "take KEY out; with -d only if it seals nothing there",
}


def main(arguments, connect=None, default_path=None, out=sys.stdout):
    """Run the command and return its exit code: 0 good, 1 trouble, 2 wrong use.

    :param connect: function of a database name giving a cursor as context manager
    :param default_path: the file where none is named
    """
    parser = argparse.ArgumentParser(
        prog="healthcare_keyring",
        description=__doc__.splitlines()[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:10}{text}" for name, text in ACTIONS.items()),
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("key", nargs="?", metavar="KEY")
    parser.add_argument(
        "-f", "--file", default=os.environ.get(VARIABLE) or default_path
    )
    parser.add_argument("-d", "--database")
    try:
        words = parser.parse_args(arguments)
    except SystemExit as stop:
        return stop.code or 0

    def say(text):
        out.write(f"{text}\n")

    if not words.file:
        say(f"Name the file with --file or {VARIABLE}.")
        return 2
    if words.action in ("activate", "remove") and not words.key:
        say("Name the key.")
        return 2
    if words.database and not connect:
        say("Databases are looked at by 'odoo healthcare_keyring', not here.")
        return 2
    try:
        return _ACTIONS[words.action](words, connect, say)
    except KeyringError as error:
        say(f"{error.code}: {error.detail}")
        return 1


def _generate(words, _connect, say):
    keyring = Keyring.generate_file(words.file)
    say(f"Made a keyring; its active key is {keyring.active}.")
    say("Keep a copy apart from the database and its backups.")
    return 0


def _add(words, _connect, say):
    key_id = Keyring.add_file(words.file)
    say(f"Added {key_id}, standby. Once all servers have the file: activate {key_id}")
    return 0


def _activate(words, _connect, say):
    Keyring.activate_file(words.file, words.key)
    say(f"{words.key} seals from now on. Re-encrypt under Configuration, then remove")
    say("the old key once nothing is sealed with it.")
    return 0


def _rotate(words, connect, say):
    words.key = Keyring.add_file(words.file)
    return _activate(words, connect, say)


def _remove(words, connect, say):
    if words.database:
        held = sum(
            count
            for counts in _counts(connect, words.database).values()
            for key_id, count in counts.items()
            if key_id == words.key
        )
        if held:
            say(f"{words.key} still seals {held} records: re-encrypt them first.")
            return 1
    Keyring.remove_file(words.file, words.key)
    say(f"Removed {words.key}.")
    return 0


def _check(words, connect, say):
    keyring = Keyring.load(words.file)
    if keyring.open(keyring.seal(b"check", "check"), "check") != b"check":
        say("The active key does not open what it seals.")
        return 1
    for key_id, state in sorted(keyring.states.items()):
        say(f"{key_id:20} {state:8} made {keyring.created[key_id] or 'at some time'}")
    mode = os.stat(words.file).st_mode & 0o777
    if mode & 0o077:
        say(f"Note: others than its owner may read the file (mode {mode:o}).")
    if not words.database:
        say("The keyring can be used.")
        return 0
    unknown = 0
    for name, counts in _counts(connect, words.database).items():
        for key_id, count in counts.items():
            state = keyring.states.get(key_id, "MISSING")
            unknown += count if state == "MISSING" else 0
            say(f"{name:42} {key_id or '(unreadable)':20} {state:8} {count:>12,}")
    if unknown:
        say(f"{unknown:,} records cannot be opened with this keyring.")
        return 1
    say("The keyring has every key that is used.")
    return 0


def _counts(connect, database):
    """Return ``{name of column: {key id: number}}`` of a database."""
    found = {}
    with connect(database) as cr:
        for column in sealed_columns.COLUMNS:
            cr.execute(
                "SELECT 1 FROM information_schema.columns WHERE table_schema ="
                " current_schema AND table_name = %s AND column_name = %s",
                [column.table, column.column],
            )
            if cr.fetchall():
                cr.execute(sealed_columns.count_query(column))
                found[sealed_columns.name_of(column)] = dict(cr.fetchall())
    return found


_ACTIONS = {
    "check": _check,
    "generate": _generate,
    "add": _add,
    "activate": _activate,
    "rotate": _rotate,
    "remove": _remove,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
