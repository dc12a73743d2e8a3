"""The catalogue of facts to browse in Odoo, brought up to date with each update."""

from odoo import api, fields, models

from ...core import facts
from .fact import fact_types
from .policy import CLASSES


class HealthcareFactColumn(models.Model):
    _name = "healthcare.fact.column"
    _description = "Column of a Fact"
    _order = "fact_type, position"
    _log_access = False

    fact_type = fields.Selection(
        lambda self: [("every", self.env._("Every Fact")), *fact_types(self)],
        string="Kind",
        required=True,
    )
    position = fields.Integer(required=True, aggregator=None)
    name = fields.Char(string="Column", required=True)
    type = fields.Char(required=True)
    unit = fields.Char()
    meaning = fields.Char()
    source = fields.Char(string="From")
    phi_class = fields.Selection(CLASSES, string="Class", required=True)
    since = fields.Char(string="Since Version")

    _name_unique = models.UniqueIndex("(fact_type, name)")

    @api.model
    def _sync(self):
        """Have exactly the columns of the catalogue, of the types that are known here.

        Another database of this server may have an addon with more of them.
        """
        here = {"every": facts.ENVELOPE}
        here.update((one, facts.CATALOGUE[one]) for one, _label in fact_types(self))
        known = {
            (one.fact_type, one.name): one
            for one in self.search([("fact_type", "!=", False)])
        }
        new = []
        for fact_type, columns in here.items():
            for position, (name, column) in enumerate(columns.items()):
                values = {
                    "position": position,
                    "type": column.type,
                    "unit": column.unit or False,
                    "meaning": column.meaning,
                    "source": column.source or False,
                    "phi_class": column.phi,
                    "since": column.since,
                }
                if record := known.pop((fact_type, name), None):
                    record.write(values)
                else:
                    new.append({"fact_type": fact_type, "name": name, **values})
        self.union(*known.values()).unlink()
        self.flush_model()
        self.create(new)


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    @api.model
    def _sync_catalogue(self):
        """Have columns to browse and SQL views of the types that an addon brings."""
        self.env["healthcare.fact.column"]._sync()
        self.env["healthcare.sql.views"].init()
