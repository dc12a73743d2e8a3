"""One problem behind many exceptions: one alert when it opens, one when it is over."""

from odoo import api, fields, models
from odoo.tools import SQL, formatLang

from .exception import CATEGORIES, OPEN_STATES

# Kinds of cause keys that many events of different patients have in common. Of all
# others, such as a patient who is not registered yet, what comes from one source at
# one facility is taken together: three hundred of them are one broken feed. A shortage
# is one of a product at a facility, whichever source its visits come from.
SHARED = (
    "payer",
    "service",
    "supply",
    "code",
    "facility",
    "period",
    "claim-accounts",
    "deferred-account",
    "source",
    "target",
)


class HealthcareExceptionCause(models.Model):
    """What exceptions have in common, so that it is solved once and not one by one.

    Written by one job only (:meth:`_cron_sync`), which runs as soon as exceptions open
    or close. Shards therefore never meet here, and nobody is told twice.
    """

    _name = "healthcare.exception.cause"
    _description = "Problem"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "state desc, opened_at desc, id desc"

    name = fields.Char(required=True, readonly=True)
    category = fields.Selection(CATEGORIES, required=True, readonly=True)
    key = fields.Char(required=True, readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    state = fields.Selection(
        [("open", "Open"), ("closed", "Closed")],
        required=True,
        default="open",
        readonly=True,
    )
    user_id = fields.Many2one("res.users", string="Owner", readonly=True)
    opened_at = fields.Datetime(string="First Seen", required=True, readonly=True)
    closed_at = fields.Datetime(string="Closed", readonly=True)
    exception_ids = fields.One2many("healthcare.exception", "cause_id")
    exception_count = fields.Integer(
        string="Open Exceptions", compute="_compute_numbers"
    )
    total_count = fields.Integer(
        string="Exceptions Altogether", compute="_compute_numbers"
    )
    amount_at_risk = fields.Char(string="At Risk", compute="_compute_numbers")
    deadline = fields.Datetime(string="Due", compute="_compute_numbers")
    next_step = fields.Text(compute="_compute_next_step")
    can_fix = fields.Boolean(compute="_compute_can_fix")
    can_correct = fields.Boolean(compute="_compute_can_fix")

    # Two problems of the same key cannot be open at once, whoever writes them.
    _open_unique = models.UniqueIndex(
        "(category, key, COALESCE(company_id, 0)) WHERE state = 'open'",
        "This problem is open already.",
    )

    # -- computed ---------------------------------------------------------------

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_numbers(self):
        exceptions = self.env["healthcare.exception"]
        total = dict(
            exceptions._read_group(
                [("cause_id", "in", self.ids)], ["cause_id"], ["__count"]
            )
        )
        numbers = {}
        for cause, currency, count, amount, due in exceptions._read_group(
            [("cause_id", "in", self.ids), ("state", "in", OPEN_STATES)],
            ["cause_id", "currency_id"],
            ["__count", "amount_at_risk:sum", "deadline:min"],
        ):
            numbers.setdefault(cause, []).append((currency, count, amount, due))
        for cause in self:
            rows = numbers.get(cause, [])
            cause.total_count = total.get(cause, 0)
            cause.exception_count = sum(count for _c, count, _a, _d in rows)
            cause.deadline = min((d for *_r, d in rows if d), default=False)
            cause.amount_at_risk = " + ".join(
                formatLang(self.env, amount, currency_obj=currency)
                for currency, _count, amount, _due in rows
                if amount
            )

    @api.depends("category")
    @api.depends_context("lang")
    def _compute_next_step(self):
        steps = self.env["healthcare.exception"]._next_steps()
        for cause in self:
            cause.next_step = steps.get(cause.category)

    def _compute_can_fix(self):
        for cause in self:
            example = cause._example()
            cause.can_fix = example.can_fix
            cause.can_correct = example.blocks_event and bool(example.type_id)

    def _example(self):
        """Return one exception: all of a problem offer the same button."""
        self.ensure_one()
        return self.env["healthcare.exception"].search(
            [("cause_id", "=", self.id), ("state", "in", OPEN_STATES)], limit=1
        )

    # -- what people do, for all exceptions at once -----------------------------

    def _open_exceptions(self):
        return self.env["healthcare.exception"].search(
            [("cause_id", "in", self.ids), ("state", "in", OPEN_STATES)]
        )

    def action_open_exceptions(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_exception"
        )
        action["domain"] = [("cause_id", "=", self.id)]
        action["context"] = (
            {"search_default_open": 1} if self.state == "open" else {"create": False}
        )
        action["name"] = self.name
        return action

    def action_open_retry(self):
        return self._open_exceptions().action_open_retry()

    def action_open_correct_many(self):
        return self._open_exceptions().action_open_correct_many()

    def action_open_waive(self):
        return self._open_exceptions().action_open_waive()

    def action_open_assign(self):
        return self._open_exceptions().action_open_assign()

    def action_fix(self):
        self.ensure_one()
        return self._example().action_fix()

    # -- kept up by one job -----------------------------------------------------

    @api.model
    def _wake(self):
        """Have problems follow once the transaction has committed."""
        # Stands in for the system: whoever brings an event may open an exception.
        self.env.ref("healthcare_connector.cron_causes").sudo()._healthcare_wake()

    @api.model
    def _cron_sync(self):
        """Open and close problems, beginning again when other work got in the way."""
        self.env["healthcare.engine"]._committed(lambda _attempt: self._sync())

    @api.model
    def _shared_kinds(self):
        """Return the kinds of cause keys that many patients' events share."""
        return list(SHARED)

    @api.model
    def _sync(self):
        """Tie new exceptions to their problem; open and close problems.

        :return: problems opened and problems closed
        """
        self.env.flush_all()
        rows = self._untied()
        known = self._open_ones(rows)
        opened = self.create(
            [
                self._values(identity, row)
                for identity, row in rows.items()
                if identity not in known
            ]
        )
        known.update({one._identity(): one for one in opened})
        for identity, row in rows.items():
            self._tie(known[identity], row["ids"])
        closed = self._over()
        closed.write({"state": "closed", "closed_at": fields.Datetime.now()})
        closed._tell_closed()
        self._remind()
        return opened, closed

    @api.model
    def _untied(self):
        """Return ``{(category, key, company id): row}`` of exceptions not tied yet."""
        rows = self.env.execute_query(
            SQL(
                """SELECT category, company_id,
                    CASE WHEN split_part(cause_key, '/', 1) = ANY(%s) THEN cause_key
                    WHEN category = 'schema_mismatch' AND fault_key IS NOT NULL
                        THEN fault_key
                    WHEN category = 'stock_shortage' AND product_id IS NOT NULL
                        THEN 'product/' || coalesce(facility_id, 0) || '/'
                            || product_id
                    ELSE 'from/' || coalesce(source_id, 0) || '/'
                        || coalesce(facility_id, 0) END AS key,
                    array_agg(id ORDER BY id), min(opened_at)
                FROM (SELECT * FROM healthcare_exception
                    WHERE cause_id IS NULL AND state IN %s
                    FOR UPDATE SKIP LOCKED) e
                GROUP BY 1, 2, 3""",
                self._shared_kinds(),
                OPEN_STATES,
            )
        )
        return {
            (category, key, company_id or False): {"ids": ids, "opened_at": opened_at}
            for category, company_id, key, ids, opened_at in rows
        }

    @api.model
    def _open_ones(self, rows):
        found = self.search(
            [("state", "=", "open"), ("key", "in", [key for _c, key, _co in rows])]
        )
        return {one._identity(): one for one in found}

    def _identity(self):
        self.ensure_one()
        return self.category, self.key, self.company_id.id

    @api.model
    def _values(self, identity, row):
        """Return the values of a problem, told from its first exception."""
        category, key, company_id = identity
        first = self.env["healthcare.exception"].browse(row["ids"][0])
        first = first.company_id._healthcare_in_language(first)
        if key.startswith(("from/", "product/")):
            labels = dict(first._fields["category"]._description_selection(first.env))
            origin = first.source_id.name
            if key.startswith("product/"):
                origin = first.product_id.display_name
            parts = [labels[category], first.facility_id.name, origin]
            name = " · ".join(filter(None, parts))
        elif key == first.fault_key:
            name = first._fault_name()
        else:
            name = first.reason or key
        return {
            "name": name,
            "category": category,
            "key": key,
            "company_id": company_id,
            "user_id": first.user_id.id,
            "opened_at": row["opened_at"],
        }

    @api.model
    def _tie(self, cause, ids):
        self.env.execute_query(
            SQL(
                """UPDATE healthcare_exception SET cause_id = %s WHERE id = ANY(%s)
                RETURNING id""",
                cause.id,
                ids,
            )
        )
        self.env["healthcare.exception"].invalidate_model(["cause_id"], flush=False)

    @api.model
    def _over(self):
        """Return open problems of which no exception is open any more."""
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM healthcare_exception_cause c WHERE state = 'open'
                AND NOT EXISTS (SELECT 1 FROM healthcare_exception e
                    WHERE e.cause_id = c.id AND e.state IN %s)""",
                OPEN_STATES,
            )
        )
        return self.browse([row[0] for row in rows])

    # -- telling ----------------------------------------------------------------

    def _tell_closed(self):
        self._remind_no_more()
        for cause in self:
            cause.message_post(
                body=self.env._(
                    "This is over: all %(count)s exceptions are closed.",
                    count=cause.total_count,
                ),
                subject=cause.name,
                partner_ids=cause.user_id.partner_id.ids,
                subtype_xmlid="mail.mt_note",
            )


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    cause_id = fields.Many2one(
        "healthcare.exception.cause",
        string="Problem",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="What this exception has in common with others.",
    )

    _untied_index = models.Index(
        "(id) WHERE cause_id IS NULL AND state IN ('open', 'assigned')"
    )
