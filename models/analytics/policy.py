"""De-identification policies: what becomes of each class of columns, as data.

The three policies of the contract. An administrator may make one stricter, with the
approval of another one (:mod:`.policy_change`); never weaker than its contract.
"""

from collections import namedtuple

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ...core import facts
from ...core.analytics import deidentification


class Rules(namedtuple("Rules", "base treatments smallest")):
    """base; ``{class: treatment}``; fewest patients an aggregate may be about."""

    def plan_of(self, fact_type):
        """Return the plan (:mod:`~...core.analytics.deidentification`) of a type."""
        plans = self.__dict__.setdefault("_plans", {})
        if fact_type not in plans:
            plans[fact_type] = deidentification.Plan(
                self.base, facts.classes(fact_type), self.treatments
            )
        return plans[fact_type]

    def free_of(self, fact_type):
        """Return the names of a type's columns that leave as they are kept."""
        free = self.__dict__.setdefault("_free", {})
        if fact_type not in free:
            free[fact_type] = frozenset(
                name
                for name, phi_class in facts.classes(fact_type).items()
                if phi_class == "none" and self.treatments["none"] == "keep"
            )
        return free[fact_type]


TREATMENTS = [
    ("keep", "Leaves as it is"),
    ("shift", "Moved by days that differ per patient"),
    ("month", "Month and year"),
    ("year", "Year; none that shows an age over 89"),
    ("decade", "Age in tens of years, 90+"),
    ("zip3", "Three digits; 000 where few people live"),
    ("keyed", "Pseudonym, computed with a secret key"),
    ("random", "Random number, kept in a table"),
    ("drop", "Does not leave"),
]
#: When a fact came about and was recorded: dates of a patient's.
TIMES = {"occurred_at": "date", "recorded_at": "date"}
CLASSES = [
    ("none", "Tells of nobody"),
    ("date", "Date of a patient's"),
    ("birth_date", "Birth date"),
    ("postal_code", "Postal code"),
    ("identifier", "Number of a patient's"),
    ("name", "Name"),
    ("contact", "Address, phone, e-mail"),
    ("free_text", "Free text"),
    ("surrogate", "What a patient is known by"),
]


class HealthcarePolicy(models.Model):
    _name = "healthcare.policy"
    _description = "De-Identification Policy"
    _inherit = ["mail.thread"]
    _order = "id"

    name = fields.Char(required=True, translate=True)
    base = fields.Selection(
        [
            ("safe_harbor", "Safe Harbor, 45 CFR 164.514(b)(2)"),
            ("limited", "Limited Data Set, 45 CFR 164.514(e)"),
            ("identified", "Identified"),
        ],
        string="Contract",
        required=True,
        readonly=True,
    )
    smallest_cell = fields.Integer(
        string="Fewest Patients",
        readonly=True,
        tracking=True,
        help="Aggregates about fewer patients leave without figures. 0: all leave.",
    )
    rule_ids = fields.One2many("healthcare.policy.rule", "policy_id", readonly=True)
    stricter_count = fields.Integer(
        string="Stricter Rules", compute="_compute_stricter_count"
    )
    change_ids = fields.One2many("healthcare.approval", "policy_id")
    target_count = fields.Integer(string="Targets", compute="_compute_target_count")

    _base_unique = models.UniqueIndex("(base)", "This policy exists already.")

    @api.depends("rule_ids.stricter", "smallest_cell")
    def _compute_stricter_count(self):
        for policy in self:
            more = policy.smallest_cell > deidentification.SMALLEST_CELLS[policy.base]
            policy.stricter_count = len(policy.rule_ids.filtered("stricter")) + more

    def _compute_target_count(self):
        found = dict(
            self.env["healthcare.target"]._read_group(
                [("policy", "in", self.mapped("base"))], ["policy"], ["__count"]
            )
        )
        for policy in self:
            policy.target_count = found.get(policy.base, 0)

    @api.constrains("smallest_cell", "base")
    def _check_smallest_cell(self):
        for policy in self:
            policy._check_least(policy.smallest_cell)

    def _check_least(self, number):
        """Refuse fewer patients than the contract of a policy asks for."""
        self.ensure_one()
        least = deidentification.SMALLEST_CELLS[self.base]
        if number < least:
            raise ValidationError(
                self.env._(
                    "%(policy)s needs at least %(least)s patients.",
                    policy=self.name,
                    least=least,
                )
            )

    @api.model
    def _in_force(self, base):
        """Return the :class:`Rules` of a policy; its contract where it has no record.

        :param base: one of :data:`~...core.analytics.deidentification.POLICIES`
        """
        self.flush_model()
        self.env["healthcare.policy.rule"].flush_model()
        # Read past the ORM, once for each batch; whoever causes a delivery may not
        # read policies.
        found = self.env.execute_query(
            SQL(
                """SELECT p.smallest_cell, r.phi_class, r.treatment
                FROM healthcare_policy p
                LEFT JOIN healthcare_policy_rule r ON r.policy_id = p.id
                WHERE p.base = %s""",
                base,
            )
        )
        treatments = dict(deidentification.BASES[base])
        treatments.update({name: treatment for _n, name, treatment in found if name})
        smallest = deidentification.SMALLEST_CELLS[base]
        return Rules(base, treatments, max([smallest, *(row[0] or 0 for row in found)]))

    @api.model
    def _ensure(self):
        """Have the policies of the contract, and a rule for each class."""
        names = {
            "safe_harbor": self.env._("Safe Harbor"),
            "limited": self.env._("Limited Data Set"),
            "identified": self.env._("Identified"),
        }
        known = {policy.base: policy for policy in self.search([("base", "!=", False)])}
        for base, treatments in deidentification.BASES.items():
            policy = known.get(base) or self.create(
                {
                    "name": names[base],
                    "base": base,
                    "smallest_cell": deidentification.SMALLEST_CELLS[base],
                }
            )
            there = set(policy.rule_ids.mapped("phi_class"))
            self.env["healthcare.policy.rule"].create(
                [
                    {"policy_id": policy.id, "phi_class": name, "treatment": treatment}
                    for name, treatment in treatments.items()
                    if name not in there
                ]
            )

    def action_ask_change(self):
        """Open what asks for a change of this policy."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Make Stricter"),
            "res_model": "healthcare.policy.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_policy_id": self.id},
        }


class HealthcarePolicyRule(models.Model):
    _name = "healthcare.policy.rule"
    _description = "Rule of a Policy"
    _order = "policy_id, id"
    _rec_name = "phi_class"

    policy_id = fields.Many2one(
        "healthcare.policy", required=True, index=True, ondelete="cascade"
    )
    phi_class = fields.Selection(CLASSES, string="Class", required=True)
    treatment = fields.Selection(TREATMENTS, required=True)
    contract = fields.Selection(
        TREATMENTS, string="By Contract", compute="_compute_contract"
    )
    stricter = fields.Boolean(compute="_compute_contract")

    _class_unique = models.UniqueIndex(
        "(policy_id, phi_class)", "This class has a rule already."
    )

    @api.depends("policy_id.base", "phi_class", "treatment")
    def _compute_contract(self):
        for rule in self:
            base = deidentification.BASES.get(rule.policy_id.base, {})
            rule.contract = base.get(rule.phi_class)
            rule.stricter = rule.contract != rule.treatment

    @api.constrains("policy_id", "phi_class", "treatment")
    def _check_stricter(self):
        for rule in self:
            self._check_rules(rule.policy_id, {rule.phi_class: rule.treatment})

    @api.model
    def _check_rules(self, policy, rules):
        """Refuse what is weaker than a policy's contract.

        :raise ValidationError: naming the classes
        """
        if weak := deidentification.weaker(policy.base, rules):
            labels = dict(self._fields["phi_class"]._description_selection(self.env))
            raise ValidationError(
                self.env._(
                    "%(policy)s must not be weaker than its contract: %(classes)s.",
                    policy=policy.name,
                    classes=", ".join(labels.get(one, one) for one in weak),
                )
            )


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    # -- what leaves: used by deliveries and by the preview alike -----------------

    def _patient_keys(self, partner_ids, rules):
        """Return ``{partner id: what the target knows the patient by}``."""
        if not self.id:  # a preview of a policy alone
            return dict.fromkeys(filter(None, partner_ids), "…")
        surrogates = self.env["healthcare.surrogate"]
        if rules.treatments["surrogate"] == "keyed":
            return surrogates._pseudonyms(self, partner_ids)
        return surrogates._keys(self, partner_ids)

    def _shift_of(self, fact, rules):
        """Return the days that a fact's dates are moved by."""
        if rules.treatments["date"] != "shift" or not fact.partner:
            return 0
        return self.env["healthcare.surrogate"]._shift(self, fact.partner)

    def _leaving(self, fact, values, rules):
        """Return the columns of a fact as the rules let them leave.

        :param values: all of its columns, opened
        """
        if fact.fact_type in facts.CELLS:
            values = _without_small(fact.fact_type, values, rules.smallest)
        return rules.plan_of(fact.fact_type).apply(
            values,
            country=values.get("country") or "US",
            shift=self._shift_of(fact, rules),
        )

    def _leaving_times(self, fact, rules):
        """Return when a fact came about and was recorded, as they may leave.

        Times tell of a person only where there is one; an exception may be about one
        who is not known yet. The year always leaves.
        """
        personal = fact.partner or fact.fact_type == "exception"
        treatment = rules.treatments["date"] if personal else "keep"
        if treatment == "drop":
            treatment = "year"
        moments = fact.moments
        if treatment == "keep":
            return [moment.isoformat() + "Z" for moment in moments]
        if treatment == "year":
            return [f"{moment.year:04d}" for moment in moments]
        base = "identified"  # so that any treatment is allowed
        return list(
            deidentification.apply(
                base,
                TIMES,
                dict(zip(TIMES, moments, strict=True)),
                rules={"date": treatment},
                shift=self._shift_of(fact, rules),
            ).values()
        )


def _without_small(fact_type, values, smallest):
    """Return the columns of an aggregate, without figures if they are of too few."""
    count = values.get("patients_smallest") or 0
    if not 0 < count < smallest:
        return values
    kept = facts.CELLS[fact_type]
    return {name: value if name in kept else None for name, value in values.items()} | {
        "suppressed": True
    }
