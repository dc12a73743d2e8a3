"""Real messages of many senders: what becomes of them, and how they are told apart."""

import logging
import subprocess
import sys
from collections import defaultdict

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.formats import cloudevents, fhir_r4, hl7v2, x12

from ..dev import corpora
from ..dev.common import REPO

_logger = logging.getLogger(__name__)

#: Messages of the collection that give valid events, at least.
ENOUGH = {"hl7v2": 80, "fhir": 280, "x12": 650}
SHARE = 0.95


def usable(body):
    """Return the messages of an HL7 v2 body that the shipped mappings take."""
    return [m for m in hl7v2.read(body).messages if m.supported and not m.errors]


def event_ids(message):
    """Return the ids of the events of an HL7 v2 message."""
    found = mapping.shipped("hl7v2")[message.kind].apply(
        message.document, defaults=corpora.DEFAULTS
    )
    return [mapping.event_id(message.key, outcome) for outcome in found]


class TestCorpora(BaseCase):
    def setUp(self):
        super().setUp()
        if not corpora.FOLDER.is_dir():
            self.skipTest("The corpora are not here.")

    def test_share_of_valid_events(self):
        """What ``dev/corpora`` prints: nearly all complete messages give events."""
        tally = corpora.tally()
        _logger.info("Corpora\n%s", "\n".join(tally.lines()))
        for format_, least in ENOUGH.items():
            with self.subTest(format=format_):
                self.assertGreaterEqual(tally.total(format_)["valid"], least)
                self.assertGreaterEqual(tally.share(format_), SHARE)
        # Every failure has its reason.
        for key, count in tally.counts.items():
            reasons = sum(
                number
                for (*place, reason), number in tally.reasons.items()
                if tuple(place) == key and reason.startswith("failed: ")
            )
            self.assertEqual(reasons, count["failed"], key)

    def test_command(self):
        """It runs without Odoo."""
        done = subprocess.run(
            [sys.executable, "-c", corpora._ALONE, str(REPO), str(corpora.FOLDER)],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        self.assertIn("give valid events", done.stdout)
        self.assertFalse(done.stderr)

    def test_every_file_has_a_well_formed_answer(self):
        answered = 0
        for format_, _sender, path in corpora.files():
            with self.subTest(file=path.name, format=format_):
                getattr(self, f"_answer_{format_}")(path.read_bytes())
                answered += 1
        self.assertGreater(answered, 900)

    def _answer_hl7v2(self, body):
        reading = hl7v2.read(body)
        acks = [message.ack("AE", message.errors) for message in reading.messages]
        again = hl7v2.read(reading.answer(acks))
        self.assertEqual(again.errors, [])
        self.assertTrue(all(m.kind.startswith("ACK") for m in again.messages))

    def _answer_fhir(self, body):
        try:
            reading = fhir_r4.read(body)
        except InputError as error:
            issues = [{**error.as_dict(), "severity": "fatal"}]
        else:
            issues = [e for m in reading.messages for e in (*m.errors, *m.problems)]
            issues += reading.errors
        outcome = fhir_r4.operation_outcome(issues)
        self.assertEqual(outcome["resourceType"], "OperationOutcome")
        self.assertTrue(outcome["issue"])
        strict_json.dumps(outcome)

    def _answer_x12(self, body):
        try:
            reading = x12.read(body)
        except InputError as error:
            self.assertLess(error.status, 500)
            return
        for transaction in reading.transactions:
            # Never silence: it is taken, or it is said why not.
            self.assertTrue(transaction.messages or transaction.errors)
            for fault in (*transaction.errors, *transaction.problems):
                self.assertEqual(set(fault), {"pointer", "code", "detail"})

    def _answer_json(self, body):
        try:
            reading = cloudevents.read("application/json", {}, body)
        except InputError as error:
            self.assertLess(error.status, 500)
            return
        self.assertTrue(reading.items)

    def test_resent_is_the_same_and_reused_numbers_are_not(self):
        """MSH-10 alone tells nothing: senders reuse it for other content."""
        events = defaultdict(dict)
        resent = 0
        for _format, _sender, path in corpora.files(formats=("hl7v2",)):
            body = path.read_bytes()
            messages = usable(body)
            for message in messages:
                if ids := event_ids(message):
                    events[message.control_id][message.key] = ids
            again = usable(body.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
            self.assertEqual(
                [event_ids(message) for message in again],
                [event_ids(message) for message in messages],
                path.name,
            )
            resent += bool(messages)
        self.assertGreater(resent, 100)
        reused = [
            found for number, found in events.items() if number and len(found) > 1
        ]
        self.assertTrue(reused, "nobody in the corpora reuses a control id")
        for found in reused:
            ids = [one for ids in found.values() for one in ids]
            self.assertEqual(len(ids), len(set(ids)))
