"""What the reports over facts share."""

from odoo import fields, models
from odoo.tools import SQL

from ...core.analytics import sql_views


class HealthcareReport(models.AbstractModel):
    """Rows made from the latest facts when somebody looks, never stored.

    Times are UTC, as everywhere; Odoo groups them by day in the reader's time zone.
    """

    _name = "healthcare.report"
    _description = "Report on Facts"
    _auto = False
    _log_access = False
    _order = "date desc, id desc"
    _rec_name = "date"

    date = fields.Datetime(readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    facility_id = fields.Many2one("healthcare.facility", readonly=True)
    service_line_id = fields.Many2one("healthcare.service.line", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    res_model = fields.Char(string="Document Model", readonly=True)
    res_id = fields.Many2oneReference(
        string="Document ID", model_field="res_model", readonly=True
    )

    def action_open_document(self):
        """Open the document that a row tells of."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "views": [(False, "form")],
        }


def read(fact_type, *names):
    """Return the SQL of columns of a fact type, each under its own name."""
    return ",\n".join(
        f'{sql_views.field(fact_type, name)} AS "{name}"' for name in names
    )


#: The columns of :class:`HealthcareReport`, of facts ``f``.
SHARED = {
    "date": "f.occurred_at",
    "company_id": "f.company_id",
    "facility_id": "f.facility_id",
    "service_line_id": "f.service_line_id",
    "currency_id": "f.currency_id",
    "res_model": "f.res_model",
    "res_id": "f.res_id",
}

#: Of the latest facts of a document, that which stands for all of it: a service that
#: has charges of several service lines has a fact for each.
WHOLE = "f.key = f.fact_type || ':' || f.res_id"


def latest(fact_type, *names):
    """Return the SQL of the latest facts of a type with some of its own columns."""
    own = f", {read(fact_type, *names)}" if names else ""
    return f"""(SELECT f.id, f.key, f.fact_type, f.sequence, f.occurred_at,
        f.first_occurred_at, f.company_id, f.facility_id, f.service_line_id,
        f.res_model, f.res_id, c.currency_id{own}
    FROM healthcare_fact_latest f LEFT JOIN res_company c ON c.id = f.company_id
    WHERE {sql_views.latest(fact_type)}) f"""  # nosec B608 # names of the catalogue


def union(*queries):
    """Return queries as one; rows get ids that no two of them share.

    :param queries: pairs of ``{column: SQL}`` and what to put behind ``FROM``, of which
        one source has the column ``id``; the columns of the first are those of all,
        others give null where they have none
    """
    names = [*queries[0][0]]
    parts = []
    for number, (columns, source) in enumerate(queries):
        shown = ",\n".join(f"{columns.get(name, 'NULL')} AS {name}" for name in names)
        parts.append(
            f"SELECT f.id::bigint * {len(queries)} + {number} AS id,\n{shown}\n"
            f"FROM {source}"  # nosec B608 # names of the catalogue
        )
    return SQL("\nUNION ALL\n".join(parts).replace("%", "%%"))
