"""X12: every file of the corpora, and what becomes of it."""

import csv
import logging
import os
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core import schema
from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.formats import x12

from .test_format_x12 import outcomes

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora" / "x12"
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


class TestX12Corpora(BaseCase):
    """Every file gets an answer; the table says what becomes of supported ones."""

    def _files(self):
        if not CORPORA.is_dir():
            self.skipTest("The corpora are not here.")
        with (CORPORA / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
            for row in csv.DictReader(manifest, delimiter="\t"):
                yield row["source"], CORPORA / row["file"]

    def test_values_agree_with_x12sdk(self):
        try:
            from x12sdk.io import X12ModelReader
        except ImportError:
            if os.environ.get("CI"):
                raise
            self.skipTest("x12sdk is not installed.")
        compared = 0
        for _source, path in self._files():
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

    def test_table(self):
        counts, reasons = defaultdict(Counter), Counter()
        for source, path in self._files():
            try:
                reading = x12.read(path.read_bytes())
            except InputError as error:
                reasons["", source, f"refused: {error.code}"] += 1
                continue
            for read in reading.transactions:
                if read.kind not in x12.KINDS:
                    continue
                for error in read.errors:
                    unsupported = error["code"] == "unsupported_transaction"
                    counts[read.kind, source]["other" if unsupported else "bad"] += 1
                    reasons[read.kind, source, error["code"]] += 1
                for message in read.messages:
                    self._count(message, source, counts, reasons)
        self._print(counts, reasons)
        total = sum(counts.values(), Counter())
        self.assertGreater(total["good"], 600)
        self.assertGreaterEqual(total["good"] / (total["good"] + total["bad"]), 0.95)

    def _count(self, message, source, counts, reasons):
        found = outcomes(message)
        if not found:
            # Rejections, claims of zero reversed, payments of nothing.
            counts[message.kind, source]["none"] += 1
        for outcome in found:
            errors = outcome.errors or schema.registry().validate(
                outcome.event, "1.0", outcome.data
            )
            counts[message.kind, source]["bad" if errors else "good"] += 1
            for error in errors[:1]:
                reason = f"{error['pointer']} {error['code']}"
                reasons[message.kind, source, reason] += 1

    def _print(self, counts, reasons):
        lines = [
            "kind       source                              good   bad  none other"
        ]
        for (kind, source), count in sorted(counts.items()):
            numbers = "".join(
                f"{count[name]:6}" for name in ("good", "bad", "none", "other")
            )
            lines.append(f"{kind:10} {source:34}{numbers}")
        for (kind, source, reason), number in sorted(reasons.items()):
            lines.append(f"  {kind:8} {source:34}{number:6} {reason}")
        _logger.info("X12 corpora:\n%s", "\n".join(lines))
        print("\n".join(lines))  # pylint: disable=print-used
