"""Data governance in one place: what each kind of data is, whose, and how it is kept.

A row per event type. What people decide (owner, source of truth, classes) is entered
here; the rest is read from what runs: sources, retries, waiting, targets.
"""

from odoo import api, fields, models

from ...core.analytics import announcements

LATENCIES = [
    ("real_time", "Within Seconds"),
    ("near_real_time", "Within Minutes"),
    ("batch", "Daily"),
]
RECOVERIES = [
    ("resend", "Sent Again by the Source"),
    ("replay", "Run Again from What Is Kept"),
    ("restore", "Restored from Backup Only"),
]


class HealthcareEventType(models.Model):
    _inherit = "healthcare.event.type"

    owner_id = fields.Many2one(
        "res.users",
        string="Data Owner",
        domain="[('share', '=', False)]",
        help="Who answers for what these events say and who may use it.",
    )
    source_of_truth = fields.Char(
        help="The system that is right when two disagree, e.g. the scheduling system."
    )
    latency_class = fields.Selection(
        LATENCIES,
        string="Needed",
        required=True,
        default="real_time",
        help="How soon after it happened this has to be in Odoo.",
    )
    recovery_class = fields.Selection(
        RECOVERIES,
        string="Recovery",
        required=True,
        default="replay",
        help="How what was lost in an outage comes back.",
    )
    governance_note = fields.Text(string="Notes")
    source_names = fields.Char(
        string="Sent By",
        compute="_compute_governance",
        help="Sources that sent such events within the last 30 days.",
    )
    consumer_names = fields.Char(
        string="Consumers",
        compute="_compute_governance",
        help="Targets that are told of what these events lead to.",
    )
    retry_words = fields.Char(string="Retries", compute="_compute_governance")
    retention_words = fields.Char(string="Kept For", compute="_compute_governance")
    stored_words = fields.Char(string="Stored", compute="_compute_governance")
    fact_names = fields.Char(string="Facts", compute="_compute_governance")

    @api.depends("max_attempts", "retry_base_seconds", "retry_cap_seconds")
    def _compute_governance(self):
        sources = self._governance_sources()
        # The names of targets, told to who may read the catalogue.
        targets = self.env["healthcare.target"].sudo().search([("url", "!=", False)])
        for kind in self:
            facts = FACTS.get(
                kind.code.split(".")[0], self.env[kind.workflow]._fact_types
            )
            kind.fact_names = ", ".join(facts)
            kind.source_names = ", ".join(sorted(sources.get(kind, ())))
            kind.consumer_names = ", ".join(
                sorted(
                    target.name
                    for target in targets
                    if any(
                        target._positions_wanted(fact, [RAISED.get(fact, ())])
                        for fact in facts
                    )
                )
            )
            kind.retry_words = self.env._(
                "%(count)s times, %(base)g to %(cap)g seconds apart; then a person",
                count=kind.max_attempts,
                base=kind.retry_base_seconds,
                cap=kind.retry_cap_seconds,
            )
            kind.retention_words = kind._retention_words()
            kind.stored_words = self.env._(
                "The event, encrypted; documents in Odoo; facts without names"
            )

    def _governance_sources(self):
        """Return ``{event type: names of sources}`` of what came in lately."""
        since = fields.Datetime.subtract(fields.Datetime.now(), days=30)
        # The names of sources, told to who may read the catalogue; counts nothing.
        groups = (
            self.env["healthcare.tally"]
            .sudo()
            ._read_group(
                [
                    ("hour", ">=", since),
                    ("kind", "=", "received"),
                    ("type_id", "in", self.ids),
                ],
                ["type_id", "source_id"],
            )
        )
        found = {}
        for kind, source in groups:
            if source:
                found.setdefault(kind, set()).add(source.name)
        return found

    def _retention_words(self):
        """Return how long events of this type are kept, in words."""
        self.ensure_one()
        policies = self.env.get("healthcare.retention.policy")
        if policies is not None:
            # How long something is kept, told to who may read the catalogue.
            found = policies.sudo().search(
                [
                    ("kind", "=", "event"),
                    ("enabled", "=", True),
                    ("type_id", "in", (self.id, False)),
                ]
            )
            for policy in found.sorted("type_id", reverse=True)[:1]:
                return self.env._("%s days, then without content", policy.days)
        return self.env._("Without end")


#: Which facts the events of a group lead to.
FACTS = {
    "registration": ("registration",),
    "patient": ("registration",),
    "coverage": ("registration", "appointment"),
    "appointment": ("appointment",),
    "authorization": ("authorization", "appointment"),
    "service": ("service", "consumable_usage", "invoice"),
    "claim": ("claim", "payment", "invoice"),
    "payment": ("payment", "invoice"),
}
#: ``{fact type: names of the events to others that it raises}``
RAISED = {}
for _name, _raised in announcements.CATALOGUE.items():
    RAISED.setdefault(_raised[0], []).append(_name)
