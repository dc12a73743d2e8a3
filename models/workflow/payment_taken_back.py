"""Payments of patients that their sender took back before they were booked.

When another payment has settled the bill already, the first one finds nothing open.
Nobody need find out what it was for: it rests on the patient's account until its
reversal, which is here already, undoes it.
"""

from odoo import api, models
from odoo.tools import SQL

from ..exchange.event import UNFINISHED


class HealthcareWorkflowPayment(models.AbstractModel):
    _inherit = "healthcare.workflow.payment"

    @api.model
    def _find_invoices(self, cases):
        result = super()._find_invoices(cases)
        self._find_taken_back(
            [
                case
                for case in cases
                if case.data["payment"]["payer_type"] == "patient"
                and not case.on_account
            ]
        )
        return result

    @api.model
    def _find_taken_back(self, cases):
        """Set ``case.taken_back``, whose money it was that a later event takes back."""
        if not cases:
            return
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT e.subject, e.occurred_at FROM healthcare_event e
                JOIN healthcare_event_type t ON t.id = e.type_id
                WHERE e.subject = ANY(%s) AND t.code = 'payment.reversed'
                AND e.state IN %s AND e.rejected IS NOT TRUE""",
                [case.key for case in cases],
                UNFINISHED,
            )
        )
        if not rows:
            return
        last = {}
        for subject, moment in rows:
            last[subject] = max(moment, last.get(subject, moment))
        cases = [
            c for c in cases if c.key in last and c.event.occurred_at <= last[c.key]
        ]
        keys = {case: self._patient_keys(case.data) for case in cases}
        patients = self._patients_by_subject(
            key for ones in keys.values() for key in ones
        )
        for case in cases:
            found = [patients[key] for key in keys[case] if key in patients]
            found += [a["patient"] for a in case.allocations if a.get("patient")]
            case.taken_back = found[0] if found else None


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _hold(self, ids):
        """Look again at parked payments when they are taken back."""
        result = super()._hold(ids)
        rows = self.env.execute_query(
            SQL(
                """SELECT e.id FROM healthcare_event r
                JOIN healthcare_event_type s ON s.id = r.type_id
                JOIN healthcare_event e ON e.subject = r.subject
                JOIN healthcare_event_type t ON t.id = e.type_id
                WHERE r.id = ANY(%s) AND s.code = 'payment.reversed'
                AND t.code = 'payment.received' AND e.state = 'exception'""",
                list(ids),
            )
        )
        self._requeue([row[0] for row in rows])
        return result
