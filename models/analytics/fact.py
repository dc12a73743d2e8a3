"""Facts: what happened, flat, de-identified, in the transaction it happened in."""

import json
import uuid

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import bulk, clock, facts, strict_json
from ...core.analytics import announcements

_TYPES = [
    ("registration", "Registration"),
    ("appointment", "Appointment"),
    ("authorization", "Authorization"),
    ("service", "Service"),
    ("consumable_usage", "Consumable Usage"),
    ("invoice", "Invoice"),
    ("payment", "Payment"),
    ("claim", "Claim"),
    ("exception", "Exception"),
    ("stock_level", "Stock Level"),
    ("procurement", "Procurement"),
    ("utilization", "Utilization"),
    ("financial_summary", "Financial Summary"),
]


#: The columns of a fact in the order that they are written in.
_WRITTEN = (
    *("id", "fact_id", "fact_type", "schema_version", "operation", "key", "sequence"),
    *("occurred_at", "recorded_at", "company_id", "facility_id", "service_line_id"),
    *("partner_id", "columns", "sealed", "event_id", "correlation_id", "res_model"),
    *("res_id", "event_names", "routed"),
)


def fact_types(model):
    """Return what there is to choose from in fields that name a type of fact."""
    field = model.env["healthcare.fact"]._fields["fact_type"]
    return field._description_selection(model.env)


class HealthcareFact(models.Model):
    """The outbox of analytics.

    Columns that are no PHI lie in ``columns``; the others are sealed and opened only to
    apply a target's policy. ``(key, sequence)`` is unique: two transactions that tell
    of the same document at once cannot both commit, so sequences follow commits.
    """

    _name = "healthcare.fact"
    _description = "Fact"
    _order = "id desc"
    _log_access = False
    _rec_name = "fact_id"

    fact_id = fields.Char(string="Fact ID", required=True, readonly=True)
    fact_type = fields.Selection(_TYPES, required=True, readonly=True)
    schema_version = fields.Char(required=True, readonly=True)
    operation = fields.Selection(
        [("upsert", "Upsert"), ("delete", "Delete")], required=True, readonly=True
    )
    key = fields.Char(required=True, readonly=True)
    sequence = fields.Integer(required=True, readonly=True, aggregator=None)
    occurred_at = fields.Datetime(string="Occurred", required=True, readonly=True)
    recorded_at = fields.Datetime(string="Recorded", required=True, readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    facility_id = fields.Many2one("healthcare.facility", readonly=True)
    service_line_id = fields.Many2one("healthcare.service.line", readonly=True)
    partner_id = fields.Many2one(
        "res.partner", string="Patient", readonly=True, index="btree_not_null"
    )
    patient_reference = fields.Char(
        related="partner_id.healthcare_reference", string="Patient Reference"
    )
    event_names = fields.Char(
        string="Events Raised",
        readonly=True,
        help="What of it is news that targets may subscribe to.",
    )
    columns = fields.Json(readonly=True, help="Values that are no PHI.")
    sealed = fields.Binary(attachment=False, groups=fields.NO_ACCESS, prefetch=False)
    event_id = fields.Many2one(
        "healthcare.event", readonly=True, index="btree_not_null"
    )
    correlation_id = fields.Char(readonly=True)
    res_model = fields.Char(string="Document Model", readonly=True)
    res_id = fields.Many2oneReference(
        string="Document ID", model_field="res_model", readonly=True
    )
    delivery_ids = fields.One2many("healthcare.delivery", "fact_id")
    routed = fields.Boolean(
        readonly=True, help="A target was to get it, whether it has it by now or not."
    )

    _fact_id_unique = models.UniqueIndex("(fact_id)")
    _key_unique = models.UniqueIndex("(key, sequence)")
    _type_index = models.Index("(fact_type, recorded_at)")
    _recorded_index = models.Index("(recorded_at)")
    # What users limited to facilities see, newest first.
    _facility_index = models.Index("(facility_id, id)")
    _document_index = models.Index("(res_model, res_id)")
    _snapshot_index = models.Index(
        "(key text_pattern_ops) WHERE res_model = 'healthcare.facility'"
    )

    @api.depends("fact_type")
    def _compute_display_name(self):
        labels = dict(self._fields["fact_type"]._description_selection(self.env))
        for fact in self:
            fact.display_name = f"{labels.get(fact.fact_type)} #{fact.id}"

    # -- writing ----------------------------------------------------------------

    @api.model
    def _emit(self, fact_type, rows):
        """Write facts in bulk, in the transaction of the document they tell of.

        :param fact_type: one of :data:`~..core.facts.CATALOGUE`
        :param rows: dicts with ``document`` (a record), ``values`` (the type's columns)
            and, where known, ``event``, ``facility``, ``service_line``, ``patient``
            (records), ``occurred_at`` (naive UTC), ``operation``, ``part`` (tells apart
            several facts of one document), ``key`` (instead of one of the document's)
        """
        if not rows:
            return
        now = clock.utc_now()
        keys = [self._key_of(fact_type, row) for row in rows]
        last = self._last_told(keys)
        seal, company = self._sealer(), self.env.company
        names, values = [], []
        for row, key in zip(rows, keys, strict=True):
            sequence, before = last.get(key, (0, None))
            columns, phi = facts.split(fact_type, row["values"])
            after = columns if row.get("operation") != "delete" else None
            raised = announcements.raised(fact_type, before, after)
            last[key] = (sequence + 1, after)
            names.append(raised)
            told = (fact_type, key, sequence + 1, now, columns, raised)
            values.append(self._values(row, phi, seal, company, *told))
        routes = self.env["healthcare.target"]._routes(fact_type, names)
        routed = {index for _target, indexes in routes for index in indexes}
        ids = bulk.numbers(self.env.cr, self._table, len(values))
        bulk.copy_in(
            self.env.cr,
            self._table,
            _WRITTEN,
            (
                (fact_id, *row, index in routed)
                for index, (fact_id, row) in enumerate(zip(ids, values, strict=True))
            ),
        )
        self.env["healthcare.fact.latest"]._note(ids)
        self.env["healthcare.delivery"]._enqueue(
            fact_type,
            [
                (target, [(ids[index], keys[index]) for index in indexes])
                for target, indexes in routes
            ],
        )

    @api.model
    def _key_of(self, fact_type, row):
        if row.get("key"):
            return row["key"]
        part = f":{row['part']}" if row.get("part") else ""
        return f"{fact_type}:{row['document'].id}{part}"

    @api.model
    def _last_told(self, keys):
        """Return ``{key: (sequence, free columns)}``; no columns after a deletion."""
        rows = self.env.execute_query(
            SQL(
                # one look into the index for each, with statistics or without
                """SELECT told.key, f.sequence,
                    CASE f.operation WHEN 'upsert' THEN f.columns END
                FROM unnest(%s) AS told(key) CROSS JOIN LATERAL (
                    SELECT sequence, operation, columns FROM healthcare_fact
                    WHERE key = told.key ORDER BY sequence DESC LIMIT 1) f""",
                list(set(keys)),
            )
        )
        return {key: (sequence, columns) for key, sequence, columns in rows}

    @api.model
    def _moment_of(self, text):
        """Return a time that was kept as text as naive UTC, ``None`` for nothing."""
        text = text[0] if isinstance(text, list) and text else text
        return (
            fields.Datetime.to_datetime(text[:19].replace("T", " ")) if text else None
        )

    @api.model
    def _sealer(self):
        """Return what seals columns; the keyring is asked for when it is first needed.

        :return: function of columns and a fact's UUID; None where there are none
        """
        known = []

        def seal(phi, fact_id):
            if not any(value is not None for value in phi.values()):
                return None
            if not known:
                keyring = self.env["healthcare.keyring"]
                known.extend((keyring._get(), keyring._database_id()))
            ring, database = known
            text = strict_json.dumps(phi)
            return ring.seal(text, database, self._name, fact_id, "sealed")

        return seal

    @api.model
    def _values(
        self, row, phi, seal, company, fact_type, key, sequence, now, columns, names
    ):
        event, document = row.get("event"), row["document"]
        facility, line = row.get("facility"), row.get("service_line")
        patient = row.get("patient")
        fact_id = str(uuid.uuid4())
        company = facility.company_id if facility else company
        return (
            fact_id,
            fact_type,
            facts.SCHEMA_VERSION,
            row.get("operation", "upsert"),
            key,
            sequence,
            row.get("occurred_at") or (event.occurred_at if event else None) or now,
            now,
            company.id,
            facility.id if facility else None,
            line.id if line else None,
            patient.id if patient else None,
            json.dumps(columns),
            seal(phi, fact_id),
            event.id if event else None,
            event.correlation_id if event else None,
            document._name,
            document.id,
            ",".join(names) or None,
        )

    @api.model
    def _emit_exceptions(self, exceptions, change):
        """Tell of exceptions raised or resolved."""
        self._emit(
            "exception",
            [
                {
                    "document": record,
                    "event": record.event_id,
                    "facility": record.facility_id,
                    "patient": record.patient_id,
                    "occurred_at": record.resolved_at or record.opened_at,
                    "values": record._fact_values(),
                }
                for record in exceptions
            ],
        )

    # -- reading ----------------------------------------------------------------

    def _phi_values(self):
        """Return ``{fact: sealed columns}``.

        :raise KeyringError: when one cannot be opened
        """
        keyring = self.env["healthcare.keyring"]
        return {
            fact: strict_json.loads(
                keyring._open(fact.sealed, self._name, fact.fact_id, "sealed")
            )
            if fact.sealed
            else {}
            for fact in self.sudo()  # sealed columns are readable by the system alone
        }

    def action_open_document(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "views": [(False, "form")],
        }
