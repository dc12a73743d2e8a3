"""Facts as people look at them: columns with their meaning, no JSON."""

from markupsafe import Markup

from odoo import api, fields, models

from ...core import facts

SHORT = 4  # columns in a line of a list


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    columns_summary = fields.Char(string="Says", compute="_compute_columns_summary")
    columns_table = fields.Html(
        string="Values", compute="_compute_columns_table", sanitize=False
    )

    @api.depends("columns")
    def _compute_columns_summary(self):
        for fact in self:
            values = fact.columns or {}
            named = [
                f"{name} {_shown(values[name])}"
                for name in facts.CATALOGUE.get(fact.fact_type, ())
                if values.get(name) not in (None, False, "", 0, "0.00")
                and name not in _COVERS
            ]
            fact.columns_summary = " · ".join(named[:SHORT])

    @api.depends("columns", "fact_type")
    def _compute_columns_table(self):
        for fact in self:
            known = facts.CATALOGUE.get(fact.fact_type, {})
            values = fact.columns or {}
            rows = [
                Markup(
                    "<tr><td class='font-monospace'>%s</td><td>%s</td>"
                    "<td class='text-muted'>%s</td><td class='text-muted'>%s</td></tr>"
                )
                % (
                    name,
                    _shown(values[name])
                    if name in values
                    else Markup("<span class='text-muted fst-italic'>%s</span>")
                    % self.env._("sealed"),
                    column.unit or "",
                    column.meaning,
                )
                for name, column in known.items()
                if name in values or column.phi != "none"
            ]
            heads = (
                self.env._("Column"),
                self.env._("Value"),
                self.env._("Unit"),
                self.env._("Meaning"),
            )
            fact.columns_table = (
                _TABLE
                % (
                    Markup("").join(Markup("<th>%s</th>") % head for head in heads),
                    Markup("<tbody>%s</tbody>") % Markup("").join(rows),
                )
                if fact.operation == "upsert"
                else False
            )


_TABLE = Markup("<table class='table table-sm'><thead><tr>%s</tr></thead>%s</table>")
_COVERS = ("timezone", "covers_from", "covers_to", "complete", "currency")


def _shown(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
