"""Erasing what the law lets go of a patient, and saying what stays and why."""

import hashlib
from datetime import timedelta

from odoo import fields, models
from odoo.tools import SQL

from .retention_run import SLICE, TABLES

LEGAL_YEARS = "healthcare_connector.legal_years"
CONTACT = (
    "phone",
    "email",
    "street",
    "street2",
    "city",
    "zip",
    "state_id",
    "country_id",
    "website",
    "comment",
)
PERSON = (
    "healthcare_birth_date",
    "healthcare_sex",
    "healthcare_account_number",
    "healthcare_known_fields",
)


class HealthcareDataRequest(models.Model):
    _inherit = "healthcare.data.request"

    def _preview(self):
        """Write down anew what goes and what stays."""
        # Stands in for the reader: what is counted is not shown.
        request = self.sudo()
        request.line_ids.unlink()
        self.env["healthcare.data.request.line"].sudo().create(
            [{**line, "request_id": request.id} for line in request._lines()]
        )

    def _lines(self):
        hold = self._is_held() and self.env._("A legal hold keeps it.")
        names = {
            "event": self.env._("Contents of events"),
            "message": self.env._("Messages as received"),
            "fact": self.env._("Patient data of facts"),
        }
        still_open = self.env._("Open, waiting, or also about other patients.")
        lines = []
        for kind, name in names.items():
            everything, goes = self._ids_of(kind), self._erasable(kind)
            stays = len(everything) - len(goes)
            lines.append(
                {
                    "part": kind,
                    "name": name,
                    "goes": len(goes),
                    "stays": stays,
                    "reason": (hold or still_open) if stays else False,
                }
            )
        lines += self._account_lines()
        invoices = self._invoices()
        lines.append(
            {
                "part": "books",
                "name": self.env._("Invoices, payments, claims"),
                "goes": 0,
                "stays": len(invoices),
                "reason": bool(invoices) and self.env._("The law asks to keep books."),
            }
        )
        accesses = self.env["healthcare.access.patient"].search_count(
            [("patient_id", "in", self._patients().ids)]
        )
        lines.append(
            {
                "part": "access",
                "name": self.env._("Record of who saw the data"),
                "goes": 0,
                "stays": accesses,
                "reason": bool(accesses) and self.env._("It has to show who saw them."),
            }
        )
        return lines

    def _account_lines(self):
        hold = self._is_held() and self.env._("A legal hold keeps it.")
        contact = hold or self._open_business()
        person = contact or self._legal_reason()
        return [
            {
                "part": part,
                "name": name,
                "goes": 0 if reason else 1,
                "stays": 1 if reason else 0,
                "reason": reason,
            }
            for part, name, reason in (
                ("contact", self.env._("Address, phone, e-mail, notes"), contact),
                ("person", self.env._("Name, birth date, numbers, coverages"), person),
            )
        ]

    # -- what there is ------------------------------------------------------------

    def _is_held(self):
        partners, _sources = self.env["healthcare.legal.hold"]._in_force()
        return bool(self._patients() & partners)

    def _invoices(self):
        return self.env["account.move"].search(
            [
                ("healthcare_patient_id", "in", self._patients().ids),
                ("state", "=", "posted"),
            ]
        )

    def _open_business(self):
        """Return in words what is still going on, or False."""
        patients = self._patients().ids
        now = fields.Datetime.now()
        for model, domain, words in (
            (
                "account.move",
                [
                    ("healthcare_patient_id", "in", patients),
                    "|",
                    ("state", "=", "draft"),
                    ("payment_state", "in", ("not_paid", "partial", "in_payment")),
                    ("state", "!=", "cancel"),
                ],
                self.env._("An invoice is open."),
            ),
            (
                "healthcare.appointment",
                [
                    ("patient_id", "in", patients),
                    ("start", ">", now - timedelta(days=1)),
                    ("state", "not in", ("cancelled", "no_show")),
                ],
                self.env._("An appointment is to come."),
            ),
            (
                "healthcare.claim",
                [("patient_id", "in", patients), ("state", "=", "submitted")],
                self.env._("A claim is open."),
            ),
            (
                "healthcare.authorization",
                [("patient_id", "in", patients), ("state", "=", "requested")],
                self.env._("An authorization is open."),
            ),
            (
                "healthcare.exception",
                [
                    ("patient_id", "in", patients),
                    ("state", "in", ("open", "assigned")),
                ],
                self.env._("An exception is open."),
            ),
        ):
            if self.env[model].search_count(domain, limit=1):
                return words
        return False

    def _legal_reason(self):
        """Return in words until when books must be able to name the patient."""
        years = int(self.env["ir.config_parameter"].get_param(LEGAL_YEARS, "10"))
        last = max((m.invoice_date or m.date for m in self._invoices()), default=None)
        if not last:
            return False
        until = fields.Date.add(last, years=years)
        if until <= fields.Date.today():
            return False
        return self.env._(
            "Invoices must be kept, with who they are for, until %s.", until
        )

    def _ids_of(self, kind):
        """Return the ids of what is still there of a kind."""
        events = self.env["healthcare.event"]._ids_of_patients(self._patients())
        queries = {
            "event": SQL(
                "SELECT id FROM healthcare_event WHERE id = ANY(%s)"
                " AND body IS NOT NULL",
                events,
            ),
            "message": SQL(
                """SELECT DISTINCT b.id FROM healthcare_message_body b
                JOIN healthcare_message m ON m.body_id = b.id
                JOIN healthcare_event e ON e.message_id = m.id
                WHERE e.id = ANY(%s) AND b.body IS NOT NULL""",
                events,
            ),
            "fact": SQL(
                "SELECT id FROM healthcare_fact WHERE partner_id = ANY(%s)"
                " AND sealed IS NOT NULL",
                self._patients().ids,
            ),
        }
        self.env.flush_all()
        return [row[0] for row in self.env.execute_query(queries[kind])]

    def _erasable(self, kind):
        """Return the ids of those that are done with, held by nobody and this
        patient's alone."""
        ids = self._ids_of(kind)
        if not ids or self._is_held():
            return []
        runs = self.env["healthcare.retention.run"]
        own = SQL("TRUE")
        if kind == "message":
            own = SQL(
                """NOT EXISTS (SELECT 1 FROM healthcare_message m
                LEFT JOIN healthcare_event e ON e.message_id = m.id
                WHERE m.body_id = t.id AND (e.id IS NULL OR e.id <> ALL(%s)))""",
                self.env["healthcare.event"]._ids_of_patients(self._patients()),
            )
        run = runs.new({"kind": kind, "cutoff": self._after_all()})
        rows = self.env.execute_query(
            SQL(
                "SELECT t.id FROM %s t WHERE t.id = ANY(%s) AND %s AND NOT %s AND %s"
                " ORDER BY t.id",
                SQL.identifier(TABLES[kind]),
                ids,
                run._done_with(latest_too=True),
                run._held(),
                own,
            )
        )
        return [row[0] for row in rows]

    def _after_all(self):
        return fields.Datetime.now() + timedelta(days=1)

    # -- erasing ------------------------------------------------------------------

    def _begin(self):
        """Have erased slice by slice what the preview says goes."""
        runs = self.env["healthcare.retention.run"]
        total = sum(len(self._erasable(kind)) for kind in ("event", "message", "fact"))
        self.write({"total_count": total})
        runs.create(
            [self._values_of_run(kind) for kind in ("event", "message", "fact")]
        )
        runs._wake()

    def _finish(self):
        """Erase, last, what the account itself says; each kind leaves its proof.

        What holds and business ask for is looked at anew: time has passed.
        """
        goes = set()
        for values in self._account_lines():
            self.line_ids.filtered(lambda line, v=values: line.part == v["part"]).write(
                values
            )
            goes |= {values["part"]} if values["goes"] else set()
        patients = self._patients()
        if "contact" in goes:
            patients.write(dict.fromkeys(CONTACT, False))
            self._erase_talk(patients)
            # The account itself: its id stands for what was erased of it.
            text = ",".join(map(str, sorted(patients.ids)))
            self.env["healthcare.retention.run"].create(
                {
                    **self._values_of_run("patient"),
                    "state": "done",
                    "ended_at": fields.Datetime.now(),
                    "erased_count": len(patients),
                    "ids_hash": hashlib.sha256(text.encode()).hexdigest(),
                }
            )
        if "person" in goes:
            self._erase_person(patients)
        self.write({"state": "done", "done_at": fields.Datetime.now()})

    def _values_of_run(self, kind):
        return {
            "kind": kind,
            "cutoff": fields.Datetime.now(),
            "request_id": self.id,
            "user_id": self.approver_id.id,
        }

    def _erase_talk(self, patients):
        """Erase the chatter of the account, which has old values, too."""
        self.env.flush_all()
        self.env["mail.message"].search(
            [("model", "=", "res.partner"), ("res_id", "in", patients.ids)]
        ).unlink()

    def _erase_person(self, patients):
        patients.healthcare_identifier_ids.unlink()
        patients.healthcare_coverage_ids.write(
            {"member_id": "-", "group_number": False, "active": False}
        )
        for patient in patients:
            patient.write(
                {
                    "name": self.env._(
                        "Erased patient %s", patient.healthcare_reference or patient.id
                    ),
                    "active": False,
                    **dict.fromkeys(PERSON, False),
                }
            )
        self._erase_talk(patients)


class HealthcareRetentionRun(models.Model):
    _inherit = "healthcare.retention.run"

    def _advance(self):
        """Of what a patient asked for: a slice of what goes, at last the account."""
        request = self.request_id.with_context(lang=self.user_id.lang)
        if not request:
            return super()._advance()
        ids = request._erasable(self.kind)[:SLICE]
        self._erase(ids)
        if len(ids) < SLICE:
            self._end()
            if not request.run_ids.filtered(lambda run: run.state == "running"):
                request._finish()
        return True
