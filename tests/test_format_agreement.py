"""The readers agree with others' on what they extract."""

import json
import logging
import os
import re
from collections import Counter, defaultdict
from decimal import Decimal

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.formats import (
    cloudevents,
    fhir_r4,
    hl7v2,
    hl7v2_text,
    x12,
)

from ..dev import corpora

_logger = logging.getLogger(__name__)


def _theirs(value):
    """Yield what x12sdk found of payments, claims and benefits."""
    if isinstance(value, dict):
        name = value.get("segment_name")
        name = getattr(name, "value", name)
        if name == "BPR":
            yield name, Decimal(value["total_actual_provider_payment_amount"])
        elif name == "CLP":
            yield (
                name,
                value["patient_control_number"],
                Decimal(value["total_claim_charge_amount"]),
                Decimal(value["claim_payment_amount"]),
            )
        elif name == "EB":
            yield name, value["eligibility_benefit_information"]
        for part in value.values():
            yield from _theirs(part)
    elif isinstance(value, list):
        for part in value:
            yield from _theirs(part)


def _ours(read):
    for message in read.messages:
        document = message.document
        if message.kind == "835":
            yield "BPR", Decimal(document["remittance"]["amount"])
        elif message.kind == "835.claim":
            claim = document["claim"]
            charged, paid = Decimal(claim["charged"]), Decimal(claim["paid"])
            yield "CLP", claim["id"], charged, paid
        elif message.kind == "271":
            for benefit in document["benefits"]:
                yield "EB", benefit["code"]


class TestAgreement(BaseCase):
    def setUp(self):
        super().setUp()
        if not corpora.FOLDER.is_dir():
            self.skipTest("The corpora are not here.")

    def _files(self, format_):
        return [path for _f, _sender, path in corpora.files(formats=(format_,))]

    def test_values_agree_with_x12sdk(self):
        try:
            from x12sdk.io import X12ModelReader
        except ImportError:
            if os.environ.get("CI"):
                raise
            self.skipTest("x12sdk is not installed.")
        compared = 0
        for path in self._files("x12"):
            try:
                with X12ModelReader(str(path)) as reader:
                    models = [model.model_dump() for model in reader.models()]
            except Exception as error:  # it refuses in many ways what is not perfect
                _logger.debug("x12sdk refuses a file: %s", type(error).__name__)
                continue
            theirs = Counter(value for model in models for value in _theirs(model))
            if not theirs:
                continue  # other transactions, or none found
            transactions = x12.read(path.read_bytes()).transactions
            ours = Counter(value for read in transactions for value in _ours(read))
            self.assertEqual(ours, theirs, path.name)
            compared += 1
        self.assertGreater(compared, 10)

    def test_values_agree_with_hl7apy(self):
        try:
            from hl7apy.parser import parse_message
        except ImportError:
            if os.environ.get("CI"):
                raise
            self.skipTest("hl7apy is not installed.")
        compared = 0
        for path in self._files("hl7v2")[::3]:
            reading = hl7v2.read(path.read_bytes())
            if len(reading.messages) != 1 or reading.messages[0].errors:
                continue
            (message,) = reading.messages
            if not message.supported or message.warnings:
                continue
            text, _codec, _error = hl7v2_text.decode(path.read_bytes())
            found, _envelope, _faults = hl7v2_text.split(text, 1)
            try:
                theirs = parse_message(hl7v2_text.joined(found[0]), find_groups=False)
            except Exception as error:  # it refuses what is not of a known version
                _logger.info("hl7apy refuses %s: %s", path.name, type(error).__name__)
                continue
            compared += self._compare(path, message, theirs)
        _logger.info("%s values agree with hl7apy", compared)
        self.assertGreater(compared, 300)

    def _compare(self, path, message, theirs):
        compared = 0
        for name in ("PID", "PV1", "SCH", "EVN", "MRG"):
            ours = message.document.get(name, {})
            segments = [s for s in theirs.children if s.name == name]
            if not ours or not segments:
                continue
            fields = defaultdict(list)
            for field in segments[0].children:
                if field.name:  # none: the segment has no such field in this version
                    fields[int(field.name.rpartition("_")[2])].append(field.to_er7())
            for number, values in fields.items():
                while values and not values[-1].replace("^", "").replace("&", ""):
                    values.pop()
                repetitions = ours.get(f"f{number}", [])
                for value, repetition in zip(values, repetitions, strict=False):
                    if "\\" in value or '""' in value:
                        continue
                    first = value.split("^")[0].split("&")[0].strip()
                    mine = repetition.get("c1", "").strip()
                    place = f"{path.name} {name}-{number}"
                    if first:
                        self.assertEqual(first, mine, place)
                    else:  # it moves the withdrawn XTN-1 of 2.6 to another component
                        self.assertIn(mine, value, place)
                    compared += 1
        return compared

    # -- plain JSON -------------------------------------------------------------

    def test_fhir_agrees_with_plain_json(self):
        """What events say of patients and money stands so in the resources."""
        compared = 0
        shipped = mapping.shipped("fhir_r4")
        for path in self._files("fhir"):
            body = path.read_bytes()
            try:
                plain, reading = json.loads(body), fhir_r4.read(body)
            except (ValueError, InputError):
                continue
            there = _Plain(plain)
            for message in reading.messages:
                if message.errors:
                    continue
                for outcome in shipped[message.kind].apply(
                    message.document, defaults=corpora.DEFAULTS
                ):
                    with self.subTest(file=path.name, kind=message.kind):
                        compared += self._compare_plain(outcome.data, there)
        self.assertGreater(compared, 500)

    def _compare_plain(self, data, there):
        compared = 0
        patient = data.get("patient", {})
        for one in patient.get("identifiers", ()):
            if not one["system"].startswith(fhir_r4.ID_SYSTEM):
                self.assertIn(one["value"], there.texts)
                compared += 1
        names = [patient.get("name", {}).get("family"), patient.get("birth_date")]
        names += [
            data.get("appointment", {}).get("id"),
            data.get("order", {}).get("id"),
        ]
        for text in filter(None, names):
            self.assertIn(text, there.texts)
            compared += 1
        claim = data.get("claim", {})
        if claim.get("charged") is not None:
            charged = Decimal(claim["charged"])
            # An amount that stands there, the sum of the items', or, where neither
            # does, what was paid and adjusted.
            parts = [
                claim.get("paid"),
                *(a["amount"] for a in claim.get("adjustments", ())),
            ]
            balance = sum(map(Decimal, filter(None, parts)), Decimal())
            self.assertIn(charged, there.amounts | there.sums | {balance})
            compared += 1
        return compared

    def test_cloudevents_agree_with_plain_json(self):
        compared = 0
        for path in self._files("json"):
            body = path.read_bytes()
            try:
                plain = json.loads(body)
                items = cloudevents.read("application/json", {}, body).items
            except (ValueError, RecursionError, InputError):
                continue
            plain = plain if isinstance(plain, list) else [plain]
            self.assertEqual(len(items), len(plain), path.name)
            for item, value in zip(items, plain, strict=True):
                if item.envelope is not None and not item.errors:
                    for name in ("id", "source", "type", "data"):
                        self.assertEqual(item.envelope[name], value[name], path.name)
                    compared += 1
        self.assertTrue(compared)


class _Plain:
    """All texts and amounts of a JSON value, wherever they stand."""

    def __init__(self, value):
        self.texts, self.amounts, self.sums = set(), set(), set()
        self._gather(value)

    def _gather(self, value):
        if isinstance(value, dict):
            if isinstance(value.get("value"), int | float):
                self.amounts.add(Decimal(str(value["value"])))
            for part in value.values():
                self._gather(part)
        elif isinstance(value, list):
            self.sums.add(sum(_amounts(value), Decimal()))
            self.sums.add(sum(_submitted(value), Decimal()))
            for part in value:
                self._gather(part)
        elif isinstance(value, str):
            # Ids also stand at the end of addresses.
            self.texts.update((value, value.strip(), re.split("[/:]", value)[-1]))


def _submitted(items):
    """Yield what the adjudications of items say was submitted."""
    for item in items:
        for part in item.get("adjudication", ()) if isinstance(item, dict) else ():
            codes = [one.get("code") for one in part["category"].get("coding", ())]
            if "submitted" in codes and "amount" in part:
                yield Decimal(str(part["amount"]["value"]))


def _amounts(items):
    """Yield the net amounts of items."""
    for item in items:
        net = item.get("net") if isinstance(item, dict) else None
        if isinstance(net, dict) and isinstance(net.get("value"), int | float):
            yield Decimal(str(net["value"]))
