"""Compares the ledger of a run with what exists in Odoo and at the receiver."""

import json
from collections import Counter, defaultdict

from . import play, report
from .fingerprint import rows

READ = """
import hashlib, json

def plain(number):
    return int(number) if number == int(number) else float(number)

events = env["healthcare.event"].with_context(active_test=False)
ids, found = events.search([], order="id").ids, []
for at in range(0, len(ids), 1000):
    some = events.browse(ids[at : at + 1000])
    good = some.filtered(lambda event: not event.rejected)
    for event, envelope in good._envelopes().items():
        text = json.dumps(
            envelope, sort_keys=True, separators=(",", ":"), default=plain)
        mark = hashlib.sha256(text.encode()).hexdigest()[:32]
        found.append([event.uuid, event.external_id, mark])
    found += [[event.uuid, event.external_id, None] for event in some - good]
    env.invalidate_all()
print(json.dumps(found))
"""

# Each row is a thing that exists more than once: what, its name, how often.
DOUBLED = """
SELECT 'patient' AS what, value AS name, count(*) AS n
  FROM healthcare_patient_identifier GROUP BY system, value HAVING count(*) > 1
UNION ALL SELECT 'patient record', name, count(*) FROM res_partner
 WHERE healthcare_is_patient GROUP BY name, healthcare_birth_date
HAVING count(*) > 1
UNION ALL SELECT 'appointment', identifier, count(*) FROM healthcare_appointment
 GROUP BY identifier HAVING count(*) > 1
UNION ALL SELECT 'order of an appointment', healthcare_appointment_id::text, count(*)
  FROM sale_order WHERE healthcare_appointment_id IS NOT NULL AND state != 'cancel'
 GROUP BY 2 HAVING count(*) > 1
UNION ALL SELECT 'completed service', identifier, count(*) FROM healthcare_completion
 GROUP BY identifier HAVING count(*) > 1
UNION ALL SELECT 'invoice of a service', healthcare_completion_id::text, count(*)
  FROM account_move WHERE healthcare_completion_id IS NOT NULL
   AND move_type = 'out_invoice' AND state != 'cancel'
 GROUP BY healthcare_completion_id, healthcare_responsible HAVING count(*) > 1
UNION ALL SELECT 'payment', healthcare_payment_ref, count(*) FROM account_payment
 WHERE healthcare_payment_key IS NOT NULL AND state NOT IN ('canceled', 'rejected')
 GROUP BY 2 HAVING count(*) > 1
UNION ALL SELECT 'authorization', key, count(*) FROM healthcare_authorization
 GROUP BY key HAVING count(*) > 1
UNION ALL SELECT 'fact', key || '#' || sequence, count(*) FROM healthcare_fact
 GROUP BY key, sequence HAVING count(*) > 1"""


# Daily snapshots leave only for targets that ask for them.
FACTS = """
SELECT fact_id, sequence, operation FROM healthcare_fact
 WHERE routed OR fact_type NOT IN
       ('stock_level', 'procurement', 'utilization', 'financial_summary')"""


class Answers:
    """What a ledger says.

    ``receipts`` are ``(id, hash, status, uuid)``, one for each event of each request
    that was answered; ``requests`` counts attempts, ``lost`` those whose answer was not
    read, ``faults`` the faults by name.
    """

    def __init__(self, path):
        self.receipts, self.requests, self.lost = [], 0, 0
        self.faults, asked = Counter(), {}
        with open(path, encoding="utf-8") as file:
            for line in map(json.loads, file):
                if "fault" in line:
                    self.faults[line["fault"]] += not line.get("missed")
                elif "events" in line:
                    self.requests += 1
                    asked[line["request"]] = line["events"]
                elif "receipts" in line:
                    events = asked.pop(line["request"])
                    self.receipts += [
                        (*event, *receipt)
                        for event, receipt in zip(events, line["receipts"], strict=True)
                    ]
                else:
                    self.lost += 1

    def counts(self):
        """Return how many events were sent, and how they were answered."""
        return {
            "requests": self.requests,
            "answers not read": self.lost,
            "events": len({one[0] for one in self.receipts}),
            "receipts": len(self.receipts),
            **Counter(one[2] for one in self.receipts),
        }


def compare(answers, dev, database, events, receiver):
    """Compare; returns ``(counts, problems)``, problems as sentences.

    :param answers: :class:`Answers`
    :param events: envelopes that were answered, each as often as it was
    :param receiver: :class:`~.receiver.Receiver`
    """
    stored = json.loads(dev.script(database, READ))
    lost, doubled = _receipts(answers, stored)
    lost += _facts(dev, database, receiver)
    doubled += [
        f"{row['what']} {row['name']} exists {row['n']} times"
        for row in rows(dev, database, DOUBLED)
    ]
    sent = play.Sent(events)
    by_id = {event["id"]: event for event in events}
    sent.receipts = [
        (by_id[one[0]], {"status": one[2], "event": one[3]}) for one in answers.receipts
    ]
    # Requests are sent again: what was accepted may only be told as a duplicate.
    sent.retries = answers.lost
    found = report.collect(dev, database, sent, receiver)
    _causes(found["expected"])
    others = report.verdict(found)
    counts = {
        "lost": len(lost),
        "doubled": len(doubled),
        "different": len(others),
        "stored": len(stored),
        "documents": _documents(found),
        "facts": found["receiver"]["facts"],
        "repeats at the target": found["receiver"]["repeats"],
    }
    return counts, [*others, *doubled, *lost]


def _receipts(answers, stored):
    """Compare receipts with the event store; returns sentences (lost, doubled)."""
    lost, doubled = [], []
    by_uuid = {uuid: (name, mark) for uuid, name, mark in stored}
    names = Counter(name for _uuid, name, mark in stored if mark)
    doubled += [
        f"event {name} is stored {n} times" for name, n in names.items() if n > 1
    ]
    given, accepted = defaultdict(set), Counter()
    for name, mark, status, uuid in answers.receipts:
        if uuid not in by_uuid:
            lost.append(f"event {name}, answered as {status}, is not stored")
        elif status != "rejected" and by_uuid[uuid] != (name, mark):
            lost.append(f"event {name} is stored with another content")
        given[name].add(uuid)
        accepted[name] += status == "accepted"
    for name, uuids in given.items():
        if len(uuids) > 1:
            doubled.append(f"event {name} has {len(uuids)} numbers of ours")
        if accepted[name] > 1:
            doubled.append(f"event {name} was accepted {accepted[name]} times")
    # A person could not tell from where they came.
    unknown = {name for _uuid, name, mark in stored if mark} - set(given)
    doubled += [f"event {name} was never sent" for name in sorted(unknown)]
    return lost, doubled


def _facts(dev, database, receiver):
    """Compare facts one by one; returns sentences."""
    # Not their keys: a patient's own is another one outside.
    fields = ("fact_id", "sequence", "operation")
    ours = {tuple(row[name] for name in fields) for row in rows(dev, database, FACTS)}
    theirs = {tuple(fact[name] for name in fields) for fact in receiver.facts()}
    return [f"fact {fact[0]} is not at the receiver" for fact in ours - theirs]


def _causes(expected):
    """Count by cause what the prediction for a single day counts by patient."""
    for name in ("missing_payer", "unmapped_code"):
        if name in expected["exceptions"]:
            expected["exceptions"][name] = 1


def _documents(found):
    return sum(
        row["n"]
        for row in found["documents"]
        if row["kind"] not in ("Coverages", "Purchase orders")
    )
