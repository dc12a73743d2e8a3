"""What becomes of a collection of real messages: ``dev/corpora [FOLDER]``.

Reads every file of ``FOLDER/{hl7v2,fhir,x12,json}/<sender>/`` with the readers and the
shipped mappings and counts, per kind and sender, what became of its messages:

``valid``       canonical events that all hold their schema
``none``        rightly no event: a proposal, a rejection, a resource told by another
``incomplete``  it lacks what its own standard or the contract needs
``failed``      anything else: a fault of ours, until shown otherwise

The share is ``valid`` of ``valid`` and ``failed``.
"""

import os
import pathlib
from collections import Counter, defaultdict

from .common import REPO, DevError, say

FORMATS = ("hl7v2", "fhir", "x12", "json")
FOLDER = REPO.parent / "shared" / "corpora"
RECEIVED = "2026-03-10T12:00:00Z"
#: What sources set where messages do not say it.
DEFAULTS = {"facility": "MAIN", "payment.currency": "USD"}
#: Places where a FHIR resource lacks what the canonical event requires of it.
_LACKING = (
    "/data/patient/birth_date",
    "/data/patient/name/family",
    "/data/patient/identifiers",
    "/data/service/performed_at",
    "/data/claim/charged",
    "/data/payer/code",
    "/data/appointment/services",
)


class Tally:
    """``counts``: ``{(format, kind, sender): Counter}``; ``reasons``: the same keys
    with a reason, to how often; ``files``: how many of each format were read."""

    def __init__(self):
        self.counts = defaultdict(Counter)
        self.reasons = Counter()
        self.files = Counter()

    def note(self, key, verdict, reason=""):
        """Count one message."""
        self.counts[key][verdict] += 1
        if reason:
            self.reasons[(*key, f"{verdict}: {reason}")] += 1

    def share(self, format_):
        """Return ``valid`` of ``valid`` and ``failed``, from 0 to 1."""
        total = self.total(format_)
        return total["valid"] / ((total["valid"] + total["failed"]) or 1)

    def total(self, format_):
        """Return the counts of one format."""
        return sum(
            (count for key, count in self.counts.items() if key[0] == format_),
            Counter(),
        )

    def lines(self):
        """Return the table, line by line."""
        verdicts = ("valid", "failed", "incomplete", "none")
        head = "".join(f"{word:>11}" for word in verdicts)
        yield f"{'format':8}{'kind':28}{'sender':46}{head}"
        for (format_, kind, sender), count in sorted(self.counts.items()):
            numbers = "".join(f"{count[word]:11}" for word in verdicts)
            yield f"{format_:8}{kind:28}{sender[:45]:46}{numbers}"
        yield ""
        for (format_, kind, sender, reason), number in sorted(self.reasons.items()):
            yield f"{format_:8}{kind:28}{sender[:45]:46}{number:5} {reason}"
        yield ""
        for format_ in FORMATS:
            total = self.total(format_)
            usable = total["valid"] + total["failed"]
            if usable:
                yield (
                    f"{format_}: {total['valid']} of {usable} complete messages "
                    f"({self.share(format_):.1%}) give valid events; "
                    f"{self.files[format_]} files"
                )


def files(folder=FOLDER, formats=FORMATS):
    """Yield ``(format, sender, path)`` of all files of a collection."""
    for format_ in formats:
        for path in sorted((pathlib.Path(folder) / format_).glob("*/*")):
            if path.is_file():
                yield format_, path.parent.name, path


def tally(folder=FOLDER, formats=FORMATS):
    """Return the :class:`Tally` of a collection."""
    result = Tally()
    readers = {"hl7v2": _hl7v2, "fhir": _fhir, "x12": _x12, "json": _json}
    for format_, sender, path in files(folder, formats):
        result.files[format_] += 1
        readers[format_](result, sender, path.read_bytes())
    return result


# -- one file of each format ------------------------------------------------------


def _judge(mapping, document, **options):
    """Return ``(events, errors)`` of a message."""
    from ..core.mapping import bench as mapping_bench

    found = mapping_bench.run(mapping, document, defaults=DEFAULTS, **options)
    return found, [error for event in found for error in event["errors"]]


def _words(errors):
    return ", ".join(sorted({f"{e['pointer']} {e['code']}" for e in errors}))


def _hl7v2(result, sender, body):
    from ..core.mapping import mapping
    from ..formats import hl7v2

    shipped = mapping.shipped("hl7v2")
    for message in hl7v2.read(body).messages:
        if message.errors or not message.supported:
            continue
        key = ("hl7v2", message.kind, sender)
        found, errors = _judge(shipped[message.kind], message.document)
        lacks = hl7v2_lacks(message)
        if found and not errors:
            result.note(key, "valid")
        elif lacks:
            result.note(key, "incomplete", f"no {lacks}")
        else:
            told = shipped[message.kind].unhandled(message.document)
            result.note(key, "failed", _words(errors) or _words(told) or "no event")


def _fhir(result, sender, body):
    from ..core.errors import InputError
    from ..core.mapping import mapping
    from ..formats import fhir_r4

    shipped = mapping.shipped("fhir_r4")
    try:
        reading = fhir_r4.read(body, received_at=RECEIVED)
    except InputError as error:
        result.note(("fhir", "-", sender), "incomplete", error.code)
        return
    for message in reading.messages:
        key = ("fhir", message.kind, sender)
        if message.errors:  # a member that R4 itself requires is missing
            result.note(key, "incomplete", _words(message.errors))
            continue
        found, errors = _judge(shipped[message.kind], message.document)
        if not errors:
            result.note(key, "valid" if found else "none")
            continue
        lacking = all(error["pointer"] in _LACKING for error in errors)
        result.note(key, "incomplete" if lacking else "failed", _words(errors))


def _x12(result, sender, body):
    from ..core.errors import InputError
    from ..core.mapping import mapping
    from ..formats import x12

    shipped = mapping.shipped("x12")
    try:
        transactions = x12.read(body).transactions
    except InputError as error:
        result.note(("x12", "-", sender), "incomplete", error.code)
        return
    for transaction in transactions:
        if transaction.kind not in x12.KINDS:
            continue
        for error in transaction.errors:
            key = ("x12", transaction.kind, sender)
            # requests, and versions before 005010
            other = error["code"] == "unsupported_transaction"
            result.note(key, "none" if other else "failed", _words([error]))
        for message in transaction.messages:
            key = ("x12", message.kind, sender)
            found, errors = _judge(shipped[message.kind], message.document)
            if errors:
                result.note(key, "failed", _words(errors))
            else:
                result.note(key, "valid" if found else "none")


def _json(result, sender, body):
    """Whatever it is: events, or a refusal with a code of ours."""
    from ..core.errors import InputError
    from ..formats import cloudevents

    key = ("json", "CloudEvents", sender)
    try:
        reading = cloudevents.read("application/json", {}, body)
    except InputError as error:
        result.note(key, "none", error.code)
        return
    for item in reading.items:
        result.note(key, "none" if item.errors else "valid", _words(item.errors[:1]))


def hl7v2_lacks(message):
    """Return what a message does not have of what HL7 and the contract need."""
    from ..formats.hl7v2 import text_at

    document, kind = message.document, message.kind
    patient = document.get("PID", {})
    if not any(text_at(patient, name) for name in ("f3", "f2", "f4")):
        return "PID-3"
    if kind == "ADT^A40":
        return "" if document.get("MRG") else "MRG"
    if kind.startswith("ADT"):
        if not text_at(patient, "f5"):
            return "PID-5"
        return "" if text_at(patient, "f7") else "PID-7"
    if kind.startswith("SIU"):
        booking = document.get("SCH", {})
        timed = [
            segment.get(name)
            for group, name in (("AIS", "f4"), ("AIG", "f8"), ("AIP", "f6"))
            for segment in document.get(group, ())
        ]
        if not booking:
            return "SCH"
        planned = text_at(booking, "f11", "c4") or any(timed)
        return "" if planned else "SCH-11 (no time)"
    if kind == "DFT^P03":
        return "" if document.get("FT1") else "FT1"
    orders = document.get("orders", ())
    if not any("ORC" in order for order in orders):
        return "ORC"
    numbered = [
        text_at(segment, name)
        for order in orders
        for segment in (order.get("ORC", {}), *order.get("OBR", ()))
        for name in (("f2", "f3", "f4") if segment is order.get("ORC") else ("f2",))
    ]
    return "" if any(numbered) else "ORC-2, ORC-3, OBR-2"


# -- the command ------------------------------------------------------------------

# Readers and mappings are pure Python, but the addon's own package imports Odoo: they
# are read as parts of a bare package of another name.
_ALONE = """
import sys, types
sys.dont_write_bytecode = True
package = sys.modules["healthcare_readers"] = types.ModuleType("healthcare_readers")
package.__path__ = [sys.argv[1]]
from healthcare_readers.dev import corpora
print("\\n".join(corpora.tally(sys.argv[2]).lines()))
"""


def main(arguments):
    """The command ``dev/corpora``: in the Python that has the readers' libraries."""
    from .instance import Dev

    folder = pathlib.Path(arguments[0] if arguments else FOLDER).resolve()
    if not folder.is_dir():
        raise DevError(f"{folder} is no folder")
    python = str(Dev().environment.python)
    say(f"reading {folder}")
    os.execv(python, [python, "-c", _ALONE, str(REPO), str(folder)])
