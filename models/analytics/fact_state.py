"""How facts stand: told by what is still in line of them, or was set aside.

With the fact is kept only whether any target was to get it. Two targets that take the
same fact at the same moment take each its own row off the queue, and neither has to
know of the other; when none is left, all of them have it.
"""

import operator as operators
import re
from collections.abc import Collection

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

STATES = [
    ("recorded", "Recorded"),
    ("pending", "To Deliver"),
    ("delivered", "Delivered"),
    ("failed", "Failed"),
]
_NAMES = frozenset(name for name, _label in STATES)
_COMPARISONS = {
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}
#: Which rows of a fact conditions are about.
_PARTS = {
    "waits": "d.state = 'pending'",
    "lacks": "d.state IN ('failed', 'given_up')",
    "undone": "d.state IN ('pending', 'failed', 'given_up')",
}
#: Conditions for each choice of states but the recorded one, which is
#: that there is none of the others.
_CONDITIONS = {
    frozenset(): "FALSE",
    frozenset(["pending"]): "%(waits)s",
    frozenset(["failed"]): "%(lacks)s AND NOT %(waits)s",
    frozenset(["delivered"]): "%(routed)s AND NOT %(undone)s",
    frozenset(["pending", "failed"]): "%(undone)s",
    frozenset(["pending", "delivered"]): "%(waits)s OR %(routed)s AND NOT %(lacks)s",
    frozenset(["failed", "delivered"]): "%(routed)s AND NOT %(waits)s",
    frozenset(["pending", "failed", "delivered"]): "%(routed)s",
}


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    state = fields.Selection(
        STATES,
        compute="_compute_state",
        search="_search_state",
        help="To deliver while a target has still to get it; failed when one does not "
        "take it.",
    )

    @api.depends("routed", "delivery_ids.state")
    def _compute_state(self):
        self.env["healthcare.delivery"].flush_model(["fact_id", "state"])
        rows = self.env.execute_query(
            SQL(
                """SELECT d.fact_id,
                    CASE WHEN bool_or(%(waits)s) THEN 'pending' ELSE 'failed' END
                FROM healthcare_delivery d
                WHERE d.fact_id = ANY(%(ids)s) AND %(undone)s GROUP BY d.fact_id""",
                waits=SQL(_PARTS["waits"]),
                undone=SQL(_PARTS["undone"]),
                ids=self.ids,
            )
        )
        found = dict(rows)
        for fact in self:
            done = "delivered" if fact.routed else "recorded"
            fact.state = found.get(fact.id, done)

    @api.model
    def _search_state(self, operator, value):
        wanted = frozenset(_matching(operator, value))

        def to_sql(_model, alias, _query):
            told = wanted if "recorded" not in wanted else _NAMES - wanted
            condition = SQL(_CONDITIONS[told], **_there(alias))
            return SQL("(%s)" if told is wanted else "NOT (%s)", condition)

        self.flush_model(["routed"])
        self.env["healthcare.delivery"].flush_model(["fact_id", "state"])
        return Domain.custom(to_sql=to_sql, predicate=lambda fact: fact.state in wanted)

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr != "state":
            return super()._field_to_sql(alias, field_expr, query)
        self.flush_model(["routed"])
        self.env["healthcare.delivery"].flush_model(["fact_id", "state"])
        return SQL(
            """(CASE WHEN %(waits)s THEN 'pending' WHEN %(lacks)s THEN 'failed'
                WHEN %(routed)s THEN 'delivered' ELSE 'recorded' END)""",
            **_there(alias),
        )


def _there(alias):
    """Return the parts of conditions: that a fact has such a row, or was to leave."""
    there = {
        name: SQL(
            "EXISTS (SELECT FROM healthcare_delivery d WHERE d.fact_id = %s AND %s)",
            SQL.identifier(alias, "id"),
            SQL(condition),
        )
        for name, condition in _PARTS.items()
    }
    there["routed"] = SQL("%s IS TRUE", SQL.identifier(alias, "routed"))
    return there


def _matching(operator, value):
    """Return the states that a condition is true of."""
    negative = operator.startswith("not ") or operator == "!="
    operator = operator.removeprefix("not ")
    if operator in _COMPARISONS:
        compare = _COMPARISONS[operator]
        return {name for name in _NAMES if compare(name, str(value or ""))}
    if operator.endswith("like"):
        found = _like(operator, value)
    elif isinstance(value, Collection) and not isinstance(value, str):
        found = _NAMES.intersection(value)
    else:
        found = _NAMES & {value}
    return _NAMES - found if negative else found


def _like(operator, value):
    pattern = str(value or "")
    if not operator.startswith("="):
        pattern = f"%{pattern}%"
    expression = "".join(
        {"%": ".*", "_": "."}.get(letter) or re.escape(letter) for letter in pattern
    )
    flags = re.IGNORECASE if "ilike" in operator else 0
    return {name for name in _NAMES if re.fullmatch(expression, name, flags)}
