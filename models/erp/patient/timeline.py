"""Everything that happened to a patient account, by time."""

from odoo import api, fields, models
from odoo.tools import SQL

from ..coverage.authorization_rule import READERS

# kind: (number, model, field that says what became of it)
KINDS = {
    "event": (0, "healthcare.event", "state"),
    "appointment": (1, "healthcare.appointment", "state"),
    "authorization": (2, "healthcare.authorization", "state"),
    "service": (3, "healthcare.completion", None),
    "invoice": (4, "account.move", "payment_state"),
    "payment": (5, "account.payment", "state"),
    "credit": (6, "account.payment", "state"),
    "claim": (7, "healthcare.claim", "state"),
    "exception": (8, "healthcare.exception", "state"),
    "merge": (9, "healthcare.patient.merge", "state"),
}
# Of each kind: patient, company, facility, time, name, state, amount, currency, what
# makes it unique, the document, from where.
_SOURCES = {
    "event": """l.patient_id, f.company_id, e.facility_id, e.occurred_at, NULL,
        e.state, NULL, NULL, min(l.id), e.id
        FROM (
            SELECT id, event_id, res_id AS patient_id FROM healthcare_document_link
            WHERE res_model = 'res.partner'
            UNION ALL
            SELECT k.id, k.event_id, d.patient_id FROM healthcare_document_link k
            JOIN healthcare_appointment d
            ON k.res_model = 'healthcare.appointment' AND k.res_id = d.id
            UNION ALL
            SELECT k.id, k.event_id, d.patient_id FROM healthcare_document_link k
            JOIN healthcare_coverage d
            ON k.res_model = 'healthcare.coverage' AND k.res_id = d.id
            UNION ALL
            SELECT k.id, k.event_id, d.patient_id FROM healthcare_document_link k
            JOIN healthcare_authorization d
            ON k.res_model = 'healthcare.authorization' AND k.res_id = d.id
            UNION ALL
            SELECT k.id, k.event_id, d.patient_id FROM healthcare_document_link k
            JOIN healthcare_completion d
            ON k.res_model = 'healthcare.completion' AND k.res_id = d.id
            UNION ALL
            SELECT k.id, k.event_id, d.patient_id FROM healthcare_document_link k
            JOIN healthcare_claim d
            ON k.res_model = 'healthcare.claim' AND k.res_id = d.id
            UNION ALL
            SELECT k.id, k.event_id, d.healthcare_patient_id
            FROM healthcare_document_link k JOIN account_move d
            ON k.res_model = 'account.move' AND k.res_id = d.id
        ) l JOIN healthcare_event e ON e.id = l.event_id
        LEFT JOIN healthcare_facility f ON f.id = e.facility_id
        WHERE l.patient_id IS NOT NULL
        GROUP BY l.patient_id, e.id, f.company_id""",
    "appointment": """d.patient_id, d.company_id, d.facility_id, d.start,
        d.identifier, d.state, d.amount_expected, c.currency_id, d.id, d.id
        FROM healthcare_appointment d JOIN res_company c ON c.id = d.company_id""",
    "authorization": """d.patient_id, d.company_id, d.facility_id, d.known_at,
        d.number, d.state, NULL, NULL, d.id, d.id
        FROM healthcare_authorization d WHERE d.patient_id IS NOT NULL""",
    "service": """d.patient_id, d.company_id, d.facility_id, d.performed_at,
        d.identifier, NULL, d.amount_total, c.currency_id, d.id, d.id
        FROM healthcare_completion d JOIN res_company c ON c.id = d.company_id""",
    "invoice": """d.healthcare_patient_id, d.company_id, d.healthcare_facility_id,
        coalesce(d.invoice_date::timestamp, d.create_date), d.name,
        CASE WHEN d.state = 'posted' THEN d.payment_state ELSE d.state END,
        CASE WHEN d.move_type = 'out_refund' THEN -d.amount_total
             ELSE d.amount_total END, d.currency_id, d.id, d.id
        FROM account_move d WHERE d.healthcare_patient_id IS NOT NULL
        AND d.move_type IN ('out_invoice', 'out_refund')""",
    # What of a payment went to this patient's invoices; it may be for others, too.
    "payment": """m.healthcare_patient_id, r.company_id, d.healthcare_facility_id,
        d.date::timestamp, d.name, d.state, r.amount, c.currency_id, r.id, d.id
        FROM account_partial_reconcile r
        JOIN account_move_line i ON i.id = r.debit_move_id
        JOIN account_move m ON m.id = i.move_id
        JOIN account_move_line p ON p.id = r.credit_move_id
        JOIN account_payment d ON d.move_id = p.move_id
        JOIN res_company c ON c.id = r.company_id
        WHERE m.healthcare_patient_id IS NOT NULL""",
    "credit": """d.partner_id, d.company_id, d.healthcare_facility_id,
        d.date::timestamp, d.name, d.state, -l.amount_residual, c.currency_id, l.id,
        d.id
        FROM account_payment d
        JOIN res_company c ON c.id = d.company_id
        JOIN res_partner p ON p.id = d.partner_id AND p.healthcare_is_patient
        JOIN account_move_line l ON l.move_id = d.move_id AND l.amount_residual < 0
        JOIN account_account a ON a.id = l.account_id
        AND a.account_type = 'asset_receivable'""",
    "claim": """d.patient_id, d.company_id, d.facility_id, d.known_at,
        d.identifier, d.state, d.charged, c.currency_id, d.id, d.id
        FROM healthcare_claim d JOIN res_company c ON c.id = d.company_id
        WHERE d.patient_id IS NOT NULL""",
    "exception": """d.patient_id, d.company_id, d.facility_id,
        coalesce(d.opened_at, d.create_date), d.name, d.state, d.amount_at_risk,
        d.currency_id, d.id, d.id
        FROM healthcare_exception d WHERE d.patient_id IS NOT NULL""",
    "merge": """d.survivor_id, NULL::int, NULL::int, d.date, d.retired_reference,
        d.state, NULL, NULL, d.id, d.id FROM healthcare_patient_merge d""",
}


class HealthcarePatientTimeline(models.Model):
    """Events and documents of a patient, one row each; nothing of it is stored."""

    _name = "healthcare.patient.timeline"
    _description = "Patient Timeline"
    _auto = False
    _order = "date desc, id desc"
    _rec_name = "name"
    _depends = {
        "account.move": ["healthcare_patient_id", "payment_state", "state"],
        "account.move.line": ["amount_residual", "move_id"],
        "account.partial.reconcile": ["amount"],
        "account.payment": ["state", "partner_id"],
        "healthcare.appointment": ["patient_id", "start", "state"],
        "healthcare.authorization": ["patient_id", "state"],
        "healthcare.claim": ["patient_id", "state"],
        "healthcare.completion": ["patient_id", "performed_at"],
        "healthcare.coverage": ["patient_id"],
        "healthcare.exception": ["patient_id", "state"],
        "healthcare.patient.merge": ["survivor_id", "state"],
        "res.partner": ["healthcare_is_patient"],
    }

    patient_id = fields.Many2one("res.partner", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    facility_id = fields.Many2one("healthcare.facility", readonly=True)
    date = fields.Datetime(string="When", readonly=True)
    kind = fields.Selection(
        [
            ("event", "Event"),
            ("appointment", "Appointment"),
            ("authorization", "Authorization"),
            ("service", "Service"),
            ("invoice", "Invoice"),
            ("payment", "Payment"),
            ("credit", "Credit"),
            ("claim", "Claim"),
            ("exception", "Exception"),
            ("merge", "Merge"),
        ],
        string="What",
        readonly=True,
    )
    name = fields.Char(string="Number", readonly=True)
    state = fields.Char(string="State Code", readonly=True)
    amount = fields.Monetary(readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    res_model = fields.Char(string="Document Model", readonly=True)
    res_id = fields.Many2oneReference(
        string="Document ID", model_field="res_model", readonly=True
    )
    summary = fields.Char(compute="_compute_summary")
    state_label = fields.Char(string="State", compute="_compute_summary")
    can_open = fields.Boolean(compute="_compute_summary")

    @property
    def _table_query(self):
        columns = (
            "patient_id, company_id, facility_id, date, name, state, amount, "
            "currency_id, number, res_id"
        )
        return SQL(" UNION ALL ").join(
            SQL(
                "SELECT number::bigint * 16 + %s AS id, %s AS kind, %s AS res_model, "
                f"patient_id, company_id, facility_id, date, name, state, "
                f"amount::numeric AS amount, currency_id::int AS currency_id, res_id "
                f"FROM (SELECT {_SOURCES[kind]}) AS t ({columns})",  # nosec B608 # constants
                number,
                kind,
                model,
            )
            for kind, (number, model, _state) in KINDS.items()
        )

    @api.depends("kind", "name", "state")
    @api.depends_context("uid", "lang")
    def _compute_summary(self):
        labels = {kind: self._state_labels(kind) for kind in KINDS}
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        # Stands in for the system: the names of an event's type and of what an
        # exception says are shown to whoever may see the row.
        details = {}
        for kind, name in (("event", "type_id.name"), ("exception", "reason")):
            ids = self.filtered(lambda one, k=kind: one.kind == k).mapped("res_id")
            for record in self.env[KINDS[kind][1]].sudo().browse(ids):
                details[kind, record.id] = record.mapped(name)[0]
        openable = {
            kind: self.env[model].has_access("read")
            for kind, (_number, model, _state) in KINDS.items()
        }
        for row in self:
            detail = details.get((row.kind, row.res_id))
            parts = [kinds.get(row.kind), row.name]
            if row.kind == "event":
                parts = [detail]
            text = " ".join(filter(None, parts))
            if row.kind == "exception" and detail:
                text = f"{text}: {detail}"
            row.summary = text
            row.state_label = labels[row.kind].get(row.state)
            row.can_open = openable[row.kind]

    @api.model
    def _state_labels(self, kind):
        """Return ``{code: words}`` of what may become of a kind of document."""
        _number, model, name = KINDS[kind]
        fields_of = self.env[model]._fields
        labels = {}
        for one in {name, "state"} & fields_of.keys():
            labels.update(fields_of[one]._description_selection(self.env))
        return labels

    def action_open(self):
        """Open the event or document of this row."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "views": [(False, "form")],
        }


class ResPartner(models.Model):
    _inherit = "res.partner"

    healthcare_timeline_ids = fields.One2many(
        "healthcare.patient.timeline", "patient_id", string="Timeline", groups=READERS
    )
