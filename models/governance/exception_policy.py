"""Who owns an exception, and within which time it has to be solved."""

from odoo import api, fields, models

from .exception import CATEGORIES

DUE_HOURS = 24.0  # where no policy says anything
ESCALATE_HOURS = 24.0


class Policies:
    """All policies, ready to decide on many exceptions without a query for each."""

    def __init__(self, rules, fallback_id, limits=None):
        """Take rules as dicts.

        :param limits: ``{user id: ids of facilities}`` of those who are limited to some
        """
        self._by_category = {}
        for rule in sorted(rules, key=_specificity, reverse=True):
            self._by_category.setdefault(rule["category"], []).append(rule)
        self._fallback_id = fallback_id
        self._limits = limits or {}

    def decide(self, values):
        """Return ``(owner id, hours)`` for the values of one exception.

        Nobody owns what he is not let see: then it is the team's, without an owner.
        """
        rule = self._rule(values) or {"user_id": False, "due_hours": DUE_HOURS}
        owners = (rule["user_id"], self._fallback_id)
        owner = next((one for one in owners if one and self._sees(one, values)), False)
        return owner, rule["due_hours"]

    def _sees(self, user_id, values):
        limit = self._limits.get(user_id)
        return not limit or values.get("facility_id") in limit

    def escalation(self, values):
        """Return ``(user id, hours past due)`` for an exception, ``None``: never."""
        rule = self._rule(values)
        if rule and rule["escalate_user_id"]:
            if not self._sees(rule["escalate_user_id"], values):
                return None
            return rule["escalate_user_id"], rule["escalate_hours"]
        return None

    def escalating(self):
        """Return ``(categories, hours)``: which may escalate, and how soon at least."""
        hours = {
            category: min(rule["escalate_hours"] for rule in escalating)
            for category, rules in self._by_category.items()
            if (escalating := [rule for rule in rules if rule["escalate_user_id"]])
        }
        return list(hours), min(hours.values(), default=0.0)

    def _rule(self, values):
        rules = self._by_category.get(values.get("category"), ())
        return next((rule for rule in rules if _applies(rule, values)), None)


def _specificity(rule):
    """The more a policy names, the more it counts; the payer more than the place."""
    named = (bool(rule["payer_id"]), bool(rule["facility_id"]), rule["amount_from"] > 0)
    return sum(named), named, rule["amount_from"]


def _applies(rule, values):
    return (
        (not rule["payer_id"] or rule["payer_id"] == values.get("payer_id"))
        and (
            not rule["facility_id"] or rule["facility_id"] == values.get("facility_id")
        )
        and (values.get("amount_at_risk") or 0.0) >= rule["amount_from"]
    )


class HealthcareExceptionPolicy(models.Model):
    """One rule: which exceptions, whose, until when. The most specific one counts."""

    _name = "healthcare.exception.policy"
    _description = "Exception Policy"
    _order = "category, payer_id, facility_id, amount_from"
    _rec_name = "category"

    category = fields.Selection(CATEGORIES, required=True)
    facility_id = fields.Many2one(
        "healthcare.facility", ondelete="cascade", help="Empty: every facility."
    )
    payer_id = fields.Many2one(
        "res.partner",
        ondelete="cascade",
        domain="[('healthcare_is_payer', '=', True)]",
        help="Empty: every payer, and exceptions that concern none.",
    )
    amount_from = fields.Float(
        string="From Amount",
        digits=(16, 2),
        help="Counts for exceptions with at least this much at risk.",
    )
    user_id = fields.Many2one(
        "res.users", string="Owner", domain="[('share', '=', False)]"
    )
    due_hours = fields.Float(
        string="Due Within (hours)", default=DUE_HOURS, required=True
    )

    escalate_user_id = fields.Many2one(
        "res.users",
        string="Past Due, Hand To",
        domain="[('share', '=', False)]",
        help="Gets what its owner has not solved in time, and one activity for each "
        "problem. Empty: it stays with its owner.",
    )
    escalate_hours = fields.Float(
        string="After (hours past due)", default=ESCALATE_HOURS, required=True
    )

    _category_unique = models.UniqueIndex(
        "(category, COALESCE(facility_id, 0), COALESCE(payer_id, 0),"
        " COALESCE(amount_from, 0))",
        "There is a policy for this already.",
    )
    _numbers_positive = models.Constraint(
        "CHECK(amount_from >= 0 AND due_hours > 0 AND escalate_hours >= 0)",
        "The time must be above zero, and no amount below it.",
    )

    @api.model
    def _rules(self):
        """Return all policies as :class:`Policies`, in one query."""
        # Stands in for the system: an exception gets its owner whoever causes it.
        rules = self.sudo().search([("category", "!=", False)])
        fallback = self._fallback_owner()
        people = rules.user_id | rules.escalate_user_id | fallback
        return Policies(
            [
                {
                    "category": rule.category,
                    "facility_id": rule.facility_id.id,
                    "payer_id": rule.payer_id.id,
                    "amount_from": rule.amount_from or 0.0,
                    "user_id": rule.user_id.filtered("active").id,
                    "due_hours": rule.due_hours,
                    "escalate_user_id": rule.escalate_user_id.filtered("active").id,
                    "escalate_hours": rule.escalate_hours,
                }
                for rule in rules
            ],
            fallback.id,
            {user.id: user._healthcare_limit().facilities for user in people},
        )

    @api.model
    def _fallback_owner(self):
        # Stands in for the system, as above.
        group = self.env.ref("healthcare_connector.group_administrator").sudo()
        people = group.all_user_ids.filtered("active").sorted(
            lambda user: bool(user._healthcare_limit().facilities)
        )
        return people[:1] or self.env.ref("base.user_admin")
