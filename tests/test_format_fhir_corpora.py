"""FHIR R4: every file of the corpora, and what becomes of it."""

import csv
import logging
from collections import Counter, defaultdict
from pathlib import Path

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core import schema

from .test_format_fhir import RECEIVED, outcomes, read

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora" / "fhir"
_logger = logging.getLogger(__name__)

#: Places where a resource lacks what the canonical event requires of it: the sender's
#: to complete. Whatever else fails is a fault of ours.
LACKING = (
    "/data/patient/birth_date",
    "/data/patient/name/family",
    "/data/patient/identifiers",
    "/data/service/performed_at",
    "/data/claim/charged",
    "/data/payer/code",
    "/data/appointment/services",
)


class TestFhirCorpora(BaseCase):
    """Every file gets an answer; the table says what becomes of supported ones."""

    def _files(self):
        if not CORPORA.is_dir():
            self.skipTest("The corpora are not here.")
        with (CORPORA / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
            for row in csv.DictReader(manifest, delimiter="\t"):
                yield row["source"], CORPORA / row["file"]

    def test_table(self):
        counts, reasons = defaultdict(Counter), Counter()
        for source, path in self._files():
            reading = read(path.read_bytes(), received_at=RECEIVED)
            for error in reading.errors:
                reasons["", source, error["code"]] += 1
            for message in reading.messages:
                self._count(message, source, counts, reasons)
        self._print(counts, reasons)
        total = sum(counts.values(), Counter())
        self.assertEqual(total["bad"], 0)
        self.assertGreater(total["good"], 300)
        # Of claims, encounters, coverages, … alone, apart from patients on file with
        # next to nothing.
        others = sum(
            (c for (kind, _s), c in counts.items() if kind != "Patient"), total
        )
        share = others["good"] / (others["good"] + others["lacking"])
        self.assertGreater(share, 0.9)

    def _count(self, message, source, counts, reasons):
        count = counts[message.kind, source]
        found = outcomes(message)
        if message.errors:
            count["lacking"] += 1
            reason = f"{message.errors[0]['pointer']} {message.errors[0]['code']}"
            reasons[message.kind, source, reason] += 1
        elif not found:
            count["none"] += 1
        for outcome in found:
            errors = outcome.errors or schema.registry().validate(
                outcome.event, "1.0", outcome.data
            )
            lacking = errors and all(e["pointer"] in LACKING for e in errors)
            count["lacking" if lacking else "bad" if errors else "good"] += 1
            for error in errors[:1]:
                reason = f"{error['pointer']} {error['code']}"
                reasons[message.kind, source, reason] += 1

    def _print(self, counts, reasons):
        lines = [f"{'kind':28}{'source':42}  good lacking  bad  none"]
        for (kind, source), count in sorted(counts.items()):
            numbers = "".join(
                f"{count[name]:6}" for name in ("good", "lacking", "bad", "none")
            )
            lines.append(f"{kind:28}{source[:41]:42}{numbers}")
        for (kind, source, reason), number in sorted(reasons.items()):
            lines.append(f"  {kind:26}{source[:41]:42}{number:6} {reason}")
        _logger.info("FHIR corpora:\n%s", "\n".join(lines))
        print("\n".join(lines))  # pylint: disable=print-used
