"""Who saw whose data, what of it, when and why."""

from odoo import api, fields, models
from odoo.exceptions import UserError

PENDING = "healthcare.access.pending"
KINDS = [
    ("payload", "Content of an event"),
    ("message", "Message as received"),
    ("correction", "Correction"),
    ("worklist", "Worklist with names"),
    ("export", "Export"),
    ("request", "Patient's request"),
]


class HealthcarePayloadAccess(models.Model):
    """Append-only: nobody, the system included, may change or delete a row.

    The database refuses it, too, and each row is chained to the one before: see
    ``models/privacy/access_chain.py``. Patients are kept as numbers of their accounts,
    not as links: what was recorded stays as it was when accounts are merged.
    """

    _name = "healthcare.payload.access"
    _description = "PHI Access"
    _order = "id desc"
    _log_access = False
    _rec_name = "date"

    user_id = fields.Many2one("res.users", required=True, index=True, readonly=True)
    event_id = fields.Many2one(
        "healthcare.event", index=True, readonly=True, ondelete="restrict"
    )
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    kind = fields.Selection(
        KINDS, string="What", required=True, readonly=True, default="payload"
    )
    purpose = fields.Char(readonly=True)
    detail = fields.Char(
        readonly=True, help="What was taken along; never a value about a patient."
    )
    patients = fields.Json(
        string="Patient IDs", readonly=True, help="Ids of the patients it was about."
    )
    patient_count = fields.Integer(
        string="Patients", readonly=True, help="How many patients it was about."
    )

    @api.model
    def _append(self, rows):
        """Record readings; they are chained when the transaction commits.

        :param rows: dicts of values; ``patients`` is a list of ids
        """
        for row in rows:
            row["patients"] = sorted(set(row.get("patients") or ()))
            row["patient_count"] = len(row["patients"])
            row.setdefault("user_id", self.env.uid)
        # Stands in for the system: readers must not be able to write this record
        # themselves, and cannot avoid that it is written.
        made = self.sudo().create(rows)
        hooks = self.env.cr.precommit
        if PENDING not in hooks.data:
            hooks.data[PENDING] = []
            hooks.add(made.browse()._chain_pending)
        hooks.data[PENDING] += made.ids
        return made

    @api.model
    def _record(self, events, purpose=None, kind="payload"):
        """Record that somebody reads what events contain."""
        patients = events._patients()
        self._append(
            [
                {
                    "event_id": event.id,
                    "kind": kind,
                    "purpose": purpose,
                    "patients": patients.get(event.id),
                }
                for event in events
            ]
        )

    def write(self, vals):
        """Refuse: what was recorded stays as it is."""
        self._refuse("write")
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        self._refuse("unlink")

    def _refuse(self, operation):
        # Whoever has no right to it at all is told so.
        if not self.env.su:
            self.check_access(operation)
        raise UserError(
            self.env._("The record of who saw what is never changed or deleted.")
        )
