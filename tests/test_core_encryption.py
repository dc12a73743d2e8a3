import base64
import json
import os
import stat
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.errors import KeyringError
from odoo.addons.healthcare_connector.core.protection import encryption
from odoo.addons.healthcare_connector.core.protection.encryption import Keyring

CONTEXT = ("database", "healthcare.event", "uuid", "body")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


class TestEncryption(BaseCase):
    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "keyring.json")
        self.keyring = Keyring.generate_file(self.path)

    def _refused(self, code, call, *args):
        with self.assertRaises(KeyringError) as caught:
            call(*args)
        self.assertEqual(caught.exception.code, code)
        return caught.exception

    def _write(self, document):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(document if isinstance(document, str) else json.dumps(document))

    def _document(self):
        with open(self.path, encoding="utf-8") as file:
            return json.load(file)

    def test_file(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        document = self._document()
        self.assertEqual(document["version"], 1)
        self.assertEqual(len(base64.b64decode(document["index"]["secret"])), 32)
        self._refused("keyring_exists", Keyring.generate_file, self.path)
        self.assertEqual(self._document(), document)

    def test_sealed_is_opened_in_its_place_only(self):
        sealed = self.keyring.seal(b"plain", *CONTEXT)
        self.assertNotIn(b"plain", sealed)
        self.assertEqual(Keyring.load(self.path).open(sealed, *CONTEXT), b"plain")
        self.assertEqual(self.keyring.open(memoryview(sealed), *CONTEXT), b"plain")
        self.assertEqual(Keyring.key_id_of(sealed), self.keyring.active)
        for other in (
            ("other", *CONTEXT[1:]),
            CONTEXT[:-1],
            (*CONTEXT, ""),
            ("databasehealthcare.event", *CONTEXT[2:]),
            CONTEXT[::-1],
        ):
            self._refused("tampered", self.keyring.open, sealed, *other)

    def test_many_of_one_place(self):
        """Opened as one by one, also by keys of before, and as strictly."""
        before, after = ("base", "model"), ("field",)
        opening = self.keyring.opener(before, after)
        sealed = [
            self.keyring.seal(one.encode(), *before, one, *after) for one in "abc"
        ]
        self.assertEqual(
            [opening(s, one) for s, one in zip(sealed, "abc", strict=True)],
            [b"a", b"b", b"c"],
        )
        for wrong in (sealed[0], b"", sealed[1][:1], sealed[1][:20], b"\x09" * 60):
            with self.assertRaises(KeyringError):
                opening(wrong, "b")
        other = self.keyring.opener(("base", "other"), after)
        with self.assertRaises(KeyringError):
            other(sealed[0], "a")
        rotated = Keyring.rotate_file(self.path)
        opening = rotated.opener(before, after)
        newer = rotated.seal(b"d", *before, "d", *after)
        self.assertEqual((opening(sealed[0], "a"), opening(newer, "d")), (b"a", b"d"))

    def test_every_byte_counts(self):
        sealed = self.keyring.seal(b"plain", *CONTEXT)
        for position in range(len(sealed)):
            changed = bytearray(sealed)
            changed[position] ^= 1
            with self.assertRaises(KeyringError):
                self.keyring.open(bytes(changed), *CONTEXT)
            with self.assertRaises(KeyringError):
                self.keyring.open(sealed[:position], *CONTEXT)

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=100), st.lists(TEXT, max_size=4))
    def test_round_trip(self, plain, context):
        sealed = self.keyring.seal(plain, *context)
        self.assertEqual(self.keyring.open(sealed, *context), plain)

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=100))
    def test_garbage_is_refused(self, sealed):
        with self.assertRaises(KeyringError):
            self.keyring.open(sealed, *CONTEXT)

    def test_rotation(self):
        old = self.keyring.seal(b"plain", *CONTEXT)
        index = self.keyring.blind_index("mrn", "1")
        self.assertIs(encryption.get(self.path), encryption.get(self.path))
        before = encryption.get(self.path)
        rotated = Keyring.rotate_file(self.path)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        after = encryption.get(self.path)
        self.assertIsNot(after, before)
        self.assertEqual(after.active, rotated.active)
        self.assertNotEqual(after.active, before.active)
        self.assertEqual(after.open(old, *CONTEXT), b"plain")
        self.assertFalse(after.is_current(old))
        new = after.seal(b"plain", *CONTEXT)
        self.assertTrue(after.is_current(new))
        self.assertEqual(after.blind_index("mrn", "1"), index)
        # A keyring from before does not know the new key, and says so.
        self._refused("unknown_key", self.keyring.open, new, *CONTEXT)

    def test_blind_index(self):
        index = self.keyring.blind_index("mrn", "MRN-1")
        self.assertRegex(index, r"\A[0-9a-f]{32}\Z")
        self.assertEqual(index, Keyring.load(self.path).blind_index("mrn", "MRN-1"))
        others = {
            self.keyring.blind_index("mrn", "MRN-2"),
            self.keyring.blind_index("account", "MRN-1"),
            self.keyring.pseudonym("mrn", "MRN-1"),
        }
        self.assertEqual(len(others | {index}), 4)

    def test_unusable_files(self):
        good = self._document()
        key = good["active"]
        for document in (
            "",
            "not json",
            "[]",
            "[" * 5000,
            {**good, "version": 2},
            {**good, "active": "other"},
            {**good, "keys": {}},
            {**good, "keys": {key: {**good["keys"][key], "state": "retired"}}},
            {**good, "keys": {key: {**good["keys"][key], "state": "x"}}},
            {**good, "keys": {key: {**good["keys"][key], "secret": "c2VjcmV0"}}},
            {**good, "keys": {key: {**good["keys"][key], "secret": "*"}}},
            {**good, "keys": {"": good["keys"][key]}, "active": ""},
            {**good, "keys": []},
            {**good, "index": None},
            {**good, "index": {"secret": 5}},
        ):
            self._write(document)
            error = self._refused("keyring_invalid", Keyring.load, self.path)
            self.assertNotIn("c2VjcmV0", error.detail)
        missing = self.path + ".none"
        self._refused("keyring_missing", Keyring.load, missing)
        self._refused("keyring_missing", encryption.get, missing)
        self._refused("keyring_unreadable", Keyring.load, os.path.dirname(self.path))
        self._write(good)
        os.chmod(self.path, 0o666)
        self._refused("keyring_exposed", Keyring.load, self.path)

    def test_secrets_do_not_show(self):
        document = self._document()
        shown = repr(self.keyring)
        self.assertNotIn(document["index"]["secret"], shown)
        os.chmod(self.path, 0o644)
        with self.assertLogs(encryption.__name__, "WARNING") as logs:
            Keyring.load(self.path)
        self.assertNotIn(document["index"]["secret"], "".join(logs.output))
