"""Rules that facts have to meet, as administrators write them, and how they do."""

# The driver of a job commits: each slice with the place it got to.
# pylint: disable=invalid-commit

import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ...core import clock
from ...core.analytics import quality
from ..analytics.fact import fact_types

SLICE = 5000  # facts looked at in one transaction
BUDGET_SECONDS = 20
#: Transactions that are written in end within it: none of their facts is passed over.
SETTLED = timedelta(minutes=5)
KEPT = timedelta(days=400)
LISTED = 200  # failing facts of a rule and a day that are listed


class HealthcareQualityRule(models.Model):
    """What must hold of each fact of a type.

    Facts are looked at by a job, in slices, never in the transaction that writes them:
    a fact that breaks a rule is told all the same, and shown.
    """

    _name = "healthcare.quality.rule"
    _description = "Quality Rule"
    _inherit = ["mail.thread"]
    _order = "fact_type, sequence, id"

    name = fields.Char(required=True, translate=True, tracking=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    fact_type = fields.Selection(
        fact_types, string="Kind of Fact", required=True, tracking=True
    )
    kind = fields.Selection(
        [
            ("required", "Is there"),
            ("range", "Lies between"),
            ("allowed", "Is one of"),
            ("reference", "Is known from another fact"),
            ("unique", "Is there only once"),
        ],
        string="What Must Hold",
        required=True,
        default="required",
        tracking=True,
    )
    column = fields.Char(
        required=True,
        tracking=True,
        help="A column of the catalogue that is free of patient data, or facility, "
        "service_line, patient, event.",
    )
    minimum = fields.Char(string="At Least", tracking=True)
    maximum = fields.Char(string="At Most", tracking=True)
    allowed = fields.Char(string="Values", tracking=True, help="Separated by commas.")
    other_type = fields.Selection(
        fact_types,
        string="Other Kind",
        tracking=True,
        help="Facts that the value must be in. Empty for a column that holds the key "
        "of another fact.",
    )
    condition_column = fields.Char(
        string="Only Where", tracking=True, help="A column of the same fact."
    )
    condition_value = fields.Char(
        string="Is", tracking=True, help="One of these values, separated by commas."
    )
    severity = fields.Selection(
        [("info", "Notice"), ("warning", "Warning"), ("critical", "Critical")],
        required=True,
        default="warning",
        tracking=True,
    )
    columns_help = fields.Text(
        string="Columns to Choose From", compute="_compute_columns_help"
    )
    looked_at = fields.Integer(
        string="Looked at up to",
        readonly=True,
        copy=False,
        help="Number of the last fact that was looked at.",
    )
    result_ids = fields.One2many("healthcare.quality.result", "rule_id")
    failed_week = fields.Integer(
        string="Failed in 7 Days", compute="_compute_week", help="Facts that break it."
    )
    share_week = fields.Float(
        string="Share in 7 Days (%)", compute="_compute_week", digits=(5, 2)
    )

    @api.depends("fact_type")
    def _compute_columns_help(self):
        for rule in self:
            known = quality.columns(rule.fact_type) if rule.fact_type else {}
            rule.columns_help = "\n".join(
                f"{name}: {meaning}" for name, meaning in known.items()
            )

    def _compute_week(self):
        since = fields.Date.today() - timedelta(days=6)
        sums = {
            rule: (checked, failed)
            for rule, checked, failed in self.env[
                "healthcare.quality.result"
            ]._read_group(
                [("rule_id", "in", self.ids), ("day", ">=", since)],
                ["rule_id"],
                ["checked_count:sum", "failed_count:sum"],
            )
        }
        for rule in self:
            checked, failed = sums.get(rule, (0, 0))
            rule.failed_week = failed
            rule.share_week = 100.0 * failed / checked if checked else 0.0

    @api.constrains(
        "fact_type",
        "kind",
        "column",
        "minimum",
        "maximum",
        "allowed",
        "other_type",
        "condition_column",
        "condition_value",
    )
    def _check_rule(self):
        reasons = {
            "column": self.env._(
                "There is no such column to look at; those there are stand below."
            ),
            "condition": self.env._("Say which column must have which value."),
            "bounds": self.env._("Give a least or a greatest number, or both."),
            "number": self.env._("Only numbers and amounts lie between two others."),
            "allowed": self.env._("Give plain values, separated by commas."),
            "reference": self.env._("Say in which other kind of fact it must be."),
        }
        for rule in self:
            if code := quality.check(rule._said()):
                raise ValidationError(
                    self.env._(
                        "%(rule)s: %(reason)s", rule=rule.name, reason=reasons[code]
                    )
                )

    def _said(self):
        """Return the rule as ``core.analytics.quality`` reads it."""
        self.ensure_one()
        names = (
            "fact_type",
            "kind",
            "column",
            "minimum",
            "maximum",
            "allowed",
            "other_type",
            "condition_column",
            "condition_value",
        )
        return {name: self[name] or None for name in names}

    @api.model_create_multi
    def create(self, vals_list):
        # What was told before is looked at with "Look at All Again".
        last = self._last_settled()
        return super().create([{"looked_at": last, **vals} for vals in vals_list])

    # -- looking ----------------------------------------------------------------

    @api.model
    def _last_settled(self):
        ((last,),) = self.env.execute_query(
            SQL(
                """SELECT coalesce(max(id), 0) FROM healthcare_fact
                WHERE recorded_at < %s""",
                clock.utc_now() - SETTLED,
            )
        )
        return last

    @api.model
    def _cron_look(self):
        """Look at new facts, slice by slice, until all is done or the time is up."""
        end = time.monotonic() + BUDGET_SECONDS
        last = self._last_settled()
        for rule in self.search([("looked_at", "<", last)]):
            while rule.looked_at < last and time.monotonic() < end:
                rule._look(last)
                self.env.cr.commit()
        if self.search_count([("looked_at", "<", last)], limit=1):
            self.env.ref("healthcare_connector.cron_quality")._trigger()
        old = fields.Date.today() - KEPT
        self.env["healthcare.quality.result"].search([("day", "<", old)]).unlink()

    def _look(self, last):
        """Look at the next slice of facts, up to the number ``last``."""
        self.ensure_one()
        first = self.looked_at
        # counted, not reckoned: numbers have gaps, after retention wide ones
        ((until,),) = self.env.execute_query(
            SQL(
                """SELECT coalesce(max(id), %s) FROM (
                    SELECT id FROM healthcare_fact WHERE id > %s AND id <= %s
                    ORDER BY id LIMIT %s) slice""",
                last,
                first,
                last,
                SLICE,
            )
        )
        said = self._said()
        applies, parameters = quality.applies(said)
        fails, more = quality.fails(said)
        # Made of the catalogue; what somebody entered goes as parameters.
        self.env.cr.execute(
            f"""SELECT f.id, f.company_id, f.facility_id,
                (f.recorded_at AT TIME ZONE 'UTC'
                    AT TIME ZONE coalesce(p.tz, 'UTC'))::date, coalesce({fails}, false)
            FROM healthcare_fact f
            LEFT JOIN res_company c ON c.id = f.company_id
            LEFT JOIN res_partner p ON p.id = c.partner_id
            WHERE f.id > %s AND f.id <= %s AND {applies}""",  # nosec B608 # conditions made by core/quality  # noqa: S608 # pylint: disable=sql-injection
            [*more, first, until, *parameters],
        )
        counts, failing = {}, {}
        for fact_id, company, facility, day, failed in self.env.cr.fetchall():
            key = company, facility, day
            checked, broken = counts.get(key, (0, 0))
            counts[key] = checked + 1, broken + failed
            if failed:
                failing.setdefault(key, []).append(fact_id)
        results = self.env["healthcare.quality.result"]._add(self, counts)
        for key, fact_ids in failing.items():
            results[key]._list_failing(fact_ids)
        self.looked_at = until

    def action_look_again(self):
        """Forget what was found and look at all facts again."""
        self.check_access("write")
        # Stands in for the system: results are written by the job alone.
        self.sudo().result_ids.unlink()
        self.sudo().looked_at = 0
        self.env.ref("healthcare_connector.cron_quality").sudo()._trigger()

    def write(self, vals):
        changed = {"fact_type", "kind", "column", "minimum", "maximum", "allowed"}
        changed |= {"other_type", "condition_column", "condition_value"}
        result = super().write(vals)
        if changed & vals.keys():
            # What another rule had found says nothing of this one.
            self.sudo().result_ids.unlink()
        return result

    def action_open_results(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_quality_result"
        )
        action.update(domain=[("rule_id", "=", self.id)], context={})
        return action


class HealthcareQualityResult(models.Model):
    """How the facts of a facility and a day met a rule."""

    _name = "healthcare.quality.result"
    _description = "Quality of Facts"
    _order = "day desc, id desc"
    _log_access = False
    _rec_name = "rule_id"

    rule_id = fields.Many2one(
        "healthcare.quality.rule",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    fact_type = fields.Selection(related="rule_id.fact_type", store=True)
    severity = fields.Selection(related="rule_id.severity")
    company_id = fields.Many2one("res.company", readonly=True)
    facility_id = fields.Many2one("healthcare.facility", readonly=True)
    day = fields.Date(required=True, readonly=True, index=True)
    checked_count = fields.Integer(string="Facts", readonly=True)
    failed_count = fields.Integer(string="Failed", readonly=True)
    share = fields.Float(
        string="Failed (%)",
        readonly=True,
        digits=(5, 2),
        aggregator="avg",
    )
    failing_ids = fields.Many2many(
        "healthcare.fact",
        "healthcare_quality_failing",
        "result_id",
        "fact_id",
        string="Failing Facts",
        readonly=True,
    )

    _once = models.UniqueIndex(
        "(rule_id, day, coalesce(company_id, 0), coalesce(facility_id, 0))"
    )

    @api.model
    def _add(self, rule, counts):
        """Add to what was counted; return ``{(company, facility, day): result}``.

        :param counts: ``{(company id, facility id, day): (facts, of these failing)}``
        """
        rows = self.search(
            [("rule_id", "=", rule.id), ("day", "in", list({key[2] for key in counts}))]
        )
        known = {
            (row.company_id.id or None, row.facility_id.id or None, row.day): row
            for row in rows
        }
        for key, (checked, failed) in counts.items():
            company, facility, day = key
            row = known.get(key)
            if not row:
                row = known[key] = self.create(
                    {
                        "rule_id": rule.id,
                        "company_id": company,
                        "facility_id": facility,
                        "day": day,
                    }
                )
            checked += row.checked_count
            failed += row.failed_count
            row.write(
                {
                    "checked_count": checked,
                    "failed_count": failed,
                    "share": 100.0 * failed / checked,
                }
            )
        return known

    def _list_failing(self, fact_ids):
        """Keep which facts failed, the first of a day."""
        room = LISTED - len(self.failing_ids)
        if room > 0:
            self.failing_ids = [fields.Command.link(one) for one in fact_ids[:room]]

    def action_open_failing(self):
        self.ensure_one()
        return self.env["healthcare.fact"]._open_facts(
            [("id", "in", self.failing_ids.ids)]
        )
