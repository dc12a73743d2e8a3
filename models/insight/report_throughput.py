"""How much went through: events taken in, documents made of them."""

from odoo import fields, models

from .report import WHOLE, union

#: What is counted of events, and by which outcomes of tallies.
EVENTS = {
    "received": ("received",),
    "done": ("done", "stale"),
    "held": ("parked", "failed", "rejected"),
}
DOCUMENTS = (
    "registration",
    "appointment",
    "authorization",
    "service",
    "invoice",
    "claim",
    "payment",
)


class HealthcareThroughput(models.Model):
    """Events by hour, from tallies; documents when they were made here."""

    _name = "healthcare.throughput"
    _description = "Throughput"
    _inherit = ["healthcare.report"]
    _auto = False

    measure = fields.Selection(
        [
            ("received", "Events Received"),
            ("done", "Events Done"),
            ("held", "Held Up or Refused"),
            ("registration", "Registrations"),
            ("appointment", "Appointments"),
            ("authorization", "Authorizations"),
            ("service", "Completed Services"),
            ("invoice", "Invoices"),
            ("claim", "Claims"),
            ("payment", "Payments"),
        ],
        string="What",
        readonly=True,
    )
    type_id = fields.Many2one(
        "healthcare.event.type", string="Event Type", readonly=True
    )
    count = fields.Integer(readonly=True, aggregator="sum")

    @property
    def _table_query(self):
        outcomes = " ".join(
            f"WHEN f.kind IN {_listed(kinds)} THEN '{measure}'"
            for measure, kinds in EVENTS.items()
        )
        kinds = [kind for ones in EVENTS.values() for kind in ones]
        events = {
            "date": "f.hour",
            "company_id": "p.company_id",
            "facility_id": "f.facility_id",
            "service_line_id": "NULL::int",
            "currency_id": "NULL::int",
            "res_model": "NULL",
            "res_id": "NULL::int",
            "measure": f"CASE {outcomes} END",
            "type_id": "f.type_id",
            "count": "f.count",
        }
        documents = {
            "date": "f.first_recorded_at",
            "company_id": "f.company_id",
            "facility_id": "f.facility_id",
            "service_line_id": "f.service_line_id",
            "res_model": "f.res_model",
            "res_id": "f.res_id",
            "measure": "f.fact_type",
            "count": "1",
        }
        return union(
            (
                events,
                "healthcare_tally f LEFT JOIN healthcare_facility p "
                f"ON p.id = f.facility_id WHERE f.kind IN {_listed(kinds)}",
            ),
            (
                documents,
                f"healthcare_fact_latest f WHERE f.fact_type IN {_listed(DOCUMENTS)} "
                f"AND {WHOLE}",
            ),
        )


def _listed(words):
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"
