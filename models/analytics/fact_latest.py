"""What is known now: of each key the newest fact, narrow and indexed for reading."""

from odoo import api, fields, models
from odoo.tools import SQL

from ...core.bulk import as_array
from .fact import fact_types

_COPIED = (
    *("key", "sequence", "operation", "fact_type", "occurred_at", "recorded_at"),
    *("company_id", "facility_id", "service_line_id", "res_model", "res_id"),
    "columns",
)
_LISTED = ", ".join(_COPIED)
_CHANGED = ", ".join(
    f"{name} = EXCLUDED.{name}" for name in _COPIED if name not in ("key", "fact_type")
)
#: Facts of some ids; the newest of each key, with the times of the oldest among them.
_NOTE = f"""
    INSERT INTO healthcare_fact_latest
        ({_LISTED}, first_occurred_at, first_recorded_at)
    SELECT DISTINCT ON (key) {_LISTED},
        first_value(occurred_at) OVER keys, first_value(recorded_at) OVER keys
    FROM healthcare_fact WHERE %s
    WINDOW keys AS (PARTITION BY key ORDER BY sequence)
    ORDER BY key, sequence DESC
    ON CONFLICT (key) DO UPDATE SET {_CHANGED}
"""  # nosec B608 # names of the catalogue


class HealthcareFactLatest(models.Model):
    """One row per key, written with each fact in its transaction.

    Reports and the views for BI tools read it: the outbox has each fact that ever was,
    sealed columns included, and the newest of a key is not found in it by an index.
    Since ``(key, sequence)`` is unique in the outbox, of two transactions that tell of
    the same key at once one fails before it comes here; so a row is always the newest.
    When the key was first told of is kept beyond the retention of that fact.
    """

    _name = "healthcare.fact.latest"
    _description = "Latest Fact"
    _order = "id desc"
    _log_access = False
    _rec_name = "key"

    key = fields.Char(required=True, readonly=True)
    sequence = fields.Integer(required=True, readonly=True, aggregator=None)
    operation = fields.Selection(
        [("upsert", "Upsert"), ("delete", "Delete")], required=True, readonly=True
    )
    fact_type = fields.Selection(fact_types, required=True, readonly=True)
    occurred_at = fields.Datetime(string="Occurred", required=True, readonly=True)
    recorded_at = fields.Datetime(string="Recorded", required=True, readonly=True)
    first_occurred_at = fields.Datetime(
        string="First Occurred", required=True, readonly=True
    )
    first_recorded_at = fields.Datetime(
        string="First Recorded", required=True, readonly=True
    )
    # No links for the database to check: the fact beside it has them, and that check is
    # half of what writing a row costs.
    company_id = fields.Integer(string="Company ID", readonly=True)
    facility_id = fields.Integer(string="Facility ID", readonly=True)
    service_line_id = fields.Integer(string="Service Line ID", readonly=True)
    res_model = fields.Char(string="Document Model", readonly=True)
    res_id = fields.Many2oneReference(
        string="Document ID", model_field="res_model", readonly=True
    )
    columns = fields.Json(readonly=True, help="Values that are no PHI.")

    _key_unique = models.UniqueIndex("(key)")
    # Reports ask for what happened within a time, BI tools for what is new since one.
    _occurred_index = models.Index("(fact_type, occurred_at)")
    _recorded_index = models.Index("(fact_type, (recorded_at AT TIME ZONE 'UTC'))")
    _first_index = models.Index("(fact_type, first_recorded_at)")
    _invoice_index = models.Index("(first_occurred_at) WHERE fact_type = 'invoice'")
    _visit_index = models.Index("(res_id) WHERE fact_type = 'appointment'")

    def init(self):
        # Facts may be there already: an update brought this table.
        self.env.cr.execute("SELECT EXISTS (SELECT FROM healthcare_fact_latest)")
        if not self.env.cr.fetchone()[0]:
            self._note_where(SQL("TRUE"))

    @api.model
    def _note(self, fact_ids):
        """Take over facts that were just written, by their ids in the outbox."""
        self._note_where(SQL("id = ANY(%s::int[])", as_array(fact_ids)))

    @api.model
    def _note_where(self, condition):
        self.env.cr.execute(SQL(_NOTE, condition))

    @api.model
    def _forget_link(self, name, ids):
        """Empty a link of what is deleted, as the database does in the outbox."""
        self.env.cr.execute(
            SQL(
                "UPDATE healthcare_fact_latest SET %s = NULL WHERE %s = ANY(%s)",
                SQL.identifier(name),
                SQL.identifier(name),
                list(ids),
            )
        )


class HealthcareFacility(models.Model):
    _inherit = "healthcare.facility"

    @api.ondelete(at_uninstall=False)
    def _unlink_from_latest_facts(self):
        self.env["healthcare.fact.latest"]._forget_link("facility_id", self.ids)


class HealthcareServiceLine(models.Model):
    _inherit = "healthcare.service.line"

    @api.ondelete(at_uninstall=False)
    def _unlink_from_latest_facts(self):
        self.env["healthcare.fact.latest"]._forget_link("service_line_id", self.ids)
