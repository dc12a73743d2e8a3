"""Keyring files looked after from the command line; secrets that are only named."""

import io
import json
import os
import tempfile
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.errors import KeyringError
from odoo.addons.healthcare_connector.core.protection import (
    hash_chain,
    keyring_command,
    secret_reference,
)
from odoo.addons.healthcare_connector.core.protection.encryption import Keyring


class KeyringFileCase(BaseCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(folder.name, "keyring.json")

    def run_command(self, *words, connect=None):
        out = io.StringIO()
        code = keyring_command.main(
            [*words, "--file", self.path], connect=connect, out=out
        )
        return code, out.getvalue()


class TestKeyringCommand(KeyringFileCase):
    def test_from_a_new_file_to_the_next_key(self):
        self.assertEqual(self.run_command("check")[0], 1)
        self.assertEqual(self.run_command("generate")[0], 0)
        self.assertEqual(self.run_command("generate")[0], 1)
        old = Keyring.load(self.path)
        sealed = old.seal(b"plain", "place")
        code, text = self.run_command("add")
        self.assertEqual(code, 0, text)
        both = Keyring.load(self.path)
        (new,) = both.states.keys() - old.states.keys()
        # Standby: it seals nothing, but what others seal with it opens already.
        self.assertEqual((both.active, both.states[new]), (old.active, "standby"))
        self.assertEqual(self.run_command("activate", new)[0], 0)
        after = Keyring.load(self.path)
        self.assertEqual((after.active, after.states[old.active]), (new, "retired"))
        self.assertEqual(both.open(after.seal(b"x", "place"), "place"), b"x")
        self.assertEqual(after.open(sealed, "place"), b"plain")
        self.assertEqual(self.run_command("remove", new)[0], 1)  # it is in use
        self.assertEqual(self.run_command("remove", "k0-0")[0], 1)
        self.assertEqual(self.run_command("remove", old.active)[0], 0)
        with self.assertRaises(KeyringError):
            Keyring.load(self.path).open(sealed, "place")
        self.assertEqual(self.run_command("activate")[0], 2)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)

    def test_no_secret_is_ever_printed(self):
        self.run_command("generate")
        self.run_command("rotate")
        with open(self.path, encoding="utf-8") as file:
            document = json.load(file)
        text = "".join(self.run_command(word)[1] for word in ("check", "add"))
        for key in (*document["keys"].values(), document["index"]):
            self.assertNotIn(key["secret"], text)
        self.assertIn(document["active"], text)

    def test_a_database_that_needs_another_key(self):
        self.run_command("generate")
        known = Keyring.load(self.path).active
        counts = {"healthcare_event": [(known, 3), ("lost-1", 2), (None, 1)]}

        class Cursor:
            rows = ()

            def execute(self, query, arguments=None):
                self.rows = [(1,)]
                if arguments is None:
                    tables = [name for name in counts if f'"{name}"' in query]
                    self.rows = counts[tables[0]] if tables else []

            def fetchall(self):
                return self.rows

        @contextmanager
        def connect(_name):
            yield Cursor()

        code, text = self.run_command("check", "-d", "x", connect=connect)
        self.assertEqual(code, 1)
        self.assertIn("lost-1", text)
        self.assertIn("3 records cannot be opened", text)
        self.run_command("rotate")
        code, text = self.run_command("remove", known, "-d", "x", connect=connect)
        self.assertEqual(code, 1)
        self.assertIn("still seals 3", text)
        counts["healthcare_event"] = []
        self.assertEqual(self.run_command("check", "-d", "x", connect=connect)[0], 0)
        self.assertEqual(
            self.run_command("remove", known, "-d", "x", connect=connect)[0], 0
        )


class TestSecretReference(KeyringFileCase):
    def test_only_what_was_set_aside_can_be_named(self):
        def refused(text, **more):
            with self.assertRaises(KeyringError) as caught:
                secret_reference.resolve(text, **more)
            self.assertEqual(caught.exception.code, "secret_missing")

        environ = {
            "HEALTHCARE_SECRET_A": " whsec_abc\n",
            "HEALTHCARE_SECRET_EMPTY": " ",
            "PGPASSWORD": "secret",
            "HEALTHCARE_SECRETS_DIR": self.folder,
        }
        resolve = secret_reference.resolve
        self.assertEqual(
            resolve("env:HEALTHCARE_SECRET_A", environ=environ), "whsec_abc"
        )
        for name in ("PGPASSWORD", "HEALTHCARE_SECRET_B", "HEALTHCARE_SECRET_EMPTY"):
            refused(f"env:{name}", environ=environ)
        inside, outside = (os.path.join(self.folder, name) for name in ("a", "b/c"))
        os.makedirs(os.path.dirname(outside))
        for path in (inside, outside):
            with open(path, "w", encoding="utf-8") as file:
                file.write("whsec_file\n")
        self.assertEqual(resolve("file:a", environ=environ), "whsec_file")
        os.symlink(outside, os.path.join(self.folder, "linked"))
        self.assertEqual(resolve("file:linked", environ=environ), "whsec_file")
        os.symlink("/etc/hostname", os.path.join(self.folder, "away"))
        for name in ("away", "b", "b/c", "../etc/hostname", "/etc/hostname", "none"):
            refused(f"file:{name}", environ=environ)
        with open(inside, "wb") as file:
            file.write(b"\xff\xfe")
        refused("file:a", environ=environ)
        with open(inside, "wb") as file:
            file.write(b"x" * 20_000)
        refused("file:a", environ=environ)

    @given(st.text(max_size=40))
    def test_anything_else_is_no_reference(self, text):
        if secret_reference.check(text):
            with self.assertRaises(KeyringError):
                secret_reference.resolve(text, folder=self.folder, environ={})
        else:
            self.assertTrue(secret_reference.is_reference(text))


class TestHashChain(KeyringFileCase):
    def setUp(self):
        super().setUp()
        self.keyring = Keyring.generate_file(self.path)

    def rows(self, contents, keyring=None):
        rows, previous = [], ""
        for number, content in enumerate(contents, 1):
            found = hash_chain.follow(
                keyring or self.keyring, "x", number, previous, content
            )
            rows.append((number, previous, found, content))
            previous = found
        return rows

    def broken(self, rows):
        return hash_chain.first_break(self.keyring, "x", rows)[0]

    def test_any_tampering_is_found_and_named(self):
        contents = [{"who": number, "when": f"t{number}"} for number in range(6)]
        rows = self.rows(contents)
        self.assertIsNone(self.broken(rows))
        changed = [*rows[:2], (*rows[2][:3], {**contents[2], "who": 9}), *rows[3:]]
        self.assertEqual(self.broken(changed), (3, "content"))
        self.assertEqual(self.broken([*rows[:2], *rows[3:]]), (4, "gap"))
        self.assertEqual(self.broken([rows[1], rows[0], *rows[2:]]), (2, "gap"))
        # Everything after a change made anew, without the keyring.
        other = Keyring.generate_file(self.path + ".other")
        forged = self.rows(contents, other)
        self.assertEqual(self.broken(forged), (1, "content"))
        # Renumbered after one was taken out.
        moved = [*rows[:2], *((n - 1, p, h, c) for n, p, h, c in rows[3:])]
        self.assertEqual(self.broken(moved), (3, "link"))

    @given(st.lists(st.dictionaries(st.text(max_size=5), st.integers()), max_size=8))
    def test_it_can_be_followed_in_parts(self, contents):
        rows = self.rows(contents)
        half = len(rows) // 2
        broken, sequence, last = hash_chain.first_break(self.keyring, "x", rows[:half])
        self.assertIsNone(broken)
        rest = hash_chain.first_break(self.keyring, "x", rows[half:], sequence, last)
        self.assertEqual(rest[:2], (None, len(rows)))
