import logging
import time

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.protection import redaction

PAYLOAD = {
    "patient": {
        "name": {"family": "Mustermann", "given": ["Erika", "Ma"]},
        "identifiers": [{"system": "urn:x", "value": "MRN-0042"}],
        "account": 1234567,
    },
    "n": 7,
}


class TestRedaction(BaseCase):
    def test_strings_of(self):
        found = redaction.strings_of(PAYLOAD)
        self.assertEqual(
            found, {"Mustermann", "Erika", "Ma", "urn:x", "MRN-0042", "1234567"}
        )

    def test_scrub(self):
        values = redaction.strings_of(PAYLOAD)
        text = "Partner ERIKA mustermann (mrn-0042, 1234567) has Ma."
        clean = redaction.scrub(text, values)
        for value in ("erika", "mustermann", "0042", "1234567"):
            self.assertNotIn(value, clean.lower())
        self.assertIn("has Ma.", clean)
        self.assertEqual(redaction.scrub("Nothing here.", values), "Nothing here.")
        self.assertEqual(redaction.scrub("", values), "")
        self.assertEqual(redaction.scrub("a (b", ["a (b"]), redaction.MASK)

    def test_longest_first(self):
        clean = redaction.scrub("Anna-Maria", ["Anna", "Anna-Maria"])
        self.assertEqual(clean, redaction.MASK)

    def test_patterns(self):
        for text, secret in (
            ("mail to erika.m@example.org failed", "erika"),
            ("ssn 123-45-6789 found", "6789"),
            ("call (617) 555-0100 now", "0100"),
            ("call 617-555-0100 now", "0100"),
            ("call +49 30 901820 now", "901820"),
            ("family='Mustermann', x=1", "Mustermann"),
            ('{"birth_date": "1964-08-12", "a": 1}', "1964"),
            ("first_name=Erika&b=1", "Erika"),
            ("Key (name)=(Erika) already exists.", "Erika"),
            ("Failing row contains (1, Erika, x).", "Erika"),
        ):
            with self.subTest(text=text):
                self.assertNotIn(secret, redaction.redact(text))

    def test_what_operators_need_stays(self):
        for text in (
            "event 6f1f9c6e-2d4b-4a57-9a3e-0d9f1c2b3a4d done in 12.5 ms",
            "2026-03-02 09:30:00,123 4242 INFO db odoo.modules: 3/60 loaded",
            "127.0.0.1 POST /healthcare/v1/events 202 1024 12 0.010 0.020",
            "category=missing_payer cause=payer/PAYER-A hostname=odoo1",
        ):
            self.assertEqual(redaction.redact(text), text)

    def test_filter(self):
        records = []

        class Keep(logging.Handler):
            def emit(self, record):
                records.append(self.format(record))

        logger = logging.Logger("healthcare.test")
        handler = Keep()
        handler.setFormatter(logging.Formatter("%(message)s"))
        handler.addFilter(redaction.RedactingFilter())
        logger.addHandler(handler)
        logger.warning("patient %s", "erika@example.org")
        logger.warning("attempts %d", "erika")
        logger.warning("plain 100%")
        try:
            raise ValueError("Key (name)=(Erika) already exists.")
        except ValueError:
            logger.exception("failed")
        self.assertEqual(records[0], f"patient {redaction.MASK}")
        self.assertIn("plain 100%", records)
        self.assertIn("Traceback", records[3])
        self.assertNotIn("erika", "".join(records).lower())

    def test_time_is_linear(self):
        for text in (
            "a" * 500_000,
            "name=" * 100_000,
            "a@" * 200_000,
            "1-" * 200_000,
            "Key (" * 100_000,
            "+1 " * 100_000,
            "_" * 500_000,
        ):
            start = time.perf_counter()
            redaction.redact(text)
            self.assertLess(time.perf_counter() - start, 5)
