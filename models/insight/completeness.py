"""Whether a target has what it was sent, day by day."""

# The driver of a job commits: each target in transactions of its own.
# pylint: disable=invalid-commit

import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import clock
from ...core.analytics import completeness
from ...core.delivery import receipts
from ...core.errors import KeyringError, TechnicalError

_logger = logging.getLogger(__name__)

#: What is younger may still be on its way.
GRACE = timedelta(hours=1)
EVERY = timedelta(hours=23)
#: A gap that was sent again is looked at again after so long.
AGAIN = timedelta(hours=2)
KEPT = timedelta(days=90)
# As text: what is a float in Python loses its last digits.
_SUM = SQL(f"sum({completeness.POSTGRESQL.format(id='fact_id')})")


class HealthcareCompleteness(models.Model):
    """One comparison of a target with Odoo.

    Compared are the latest facts of all keys that the target gets. Where it can be
    asked, it is asked; else what it acknowledged counts as being there.
    """

    _name = "healthcare.completeness"
    _description = "Completeness Check"
    _order = "id desc"
    _rec_name = "target_id"

    target_id = fields.Many2one(
        "healthcare.target",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    checked_at = fields.Datetime(string="Checked", required=True, readonly=True)
    method = fields.Selection(
        [("query", "Asked the Target"), ("receipts", "From Its Receipts")],
        string="How",
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [
            ("complete", "Complete"),
            ("gap", "Facts Missing"),
            ("resent", "Sent Again"),
            ("failed", "Not Checked"),
        ],
        required=True,
        readonly=True,
    )
    message = fields.Char(readonly=True)
    expected_count = fields.Integer(
        string="In Odoo",
        readonly=True,
        aggregator=None,
        help="Latest facts of all keys.",
    )
    missing_count = fields.Integer(string="Missing", readonly=True, aggregator=None)
    unknown_count = fields.Integer(
        string="Unknown Here",
        readonly=True,
        aggregator=None,
        help="Facts at the target that Odoo never sent it.",
    )
    line_ids = fields.One2many("healthcare.completeness.line", "check_id")
    missing_ids = fields.Many2many(
        "healthcare.fact",
        "healthcare_completeness_missing",
        "check_id",
        "fact_id",
        string="Missing Facts",
        readonly=True,
    )
    user_id = fields.Many2one("res.users", string="Sent Again By", readonly=True)

    # -- driving ----------------------------------------------------------------

    @api.model
    def _cron_check(self):
        """Check each target once a day, and a gap again after it was sent again."""
        for target in self.env["healthcare.target"].search([("content", "=", "facts")]):
            if self._is_due(target):
                self._check(target)
                self.env.cr.commit()
        self.search([("checked_at", "<", clock.utc_now() - KEPT)]).unlink()

    @api.model
    def _is_due(self, target):
        if target.completeness_asked:
            return True
        last = self.search([("target_id", "=", target.id)], limit=1)
        wait = AGAIN if last.state == "resent" else EVERY
        return not last or last.checked_at < clock.utc_now() - wait

    @api.model
    def _last_of(self, targets):
        """Return the last check of each target."""
        groups = self._read_group(
            [("target_id", "in", targets.ids)], ["target_id"], ["id:max"]
        )
        return self.browse(number for _target, number in groups)

    @api.model
    def _check(self, target):
        """Compare one target with Odoo and return the check.

        :param target: one that gets facts
        """
        asked = target._can_be_asked()
        values = {
            "target_id": target.id,
            "checked_at": clock.utc_now(),
            "method": "query" if asked else "receipts",
        }
        target.completeness_asked = False
        self._collect(target)
        try:
            unknown = self._compare_by_query(target) if asked else 0
        except (TechnicalError, KeyringError) as error:
            return self.create(
                {**values, "state": "failed", "message": str(error.detail)}
            )
        except ValueError:
            return self.create(
                {
                    **values,
                    "state": "failed",
                    "message": self.env._("It answered with something else."),
                }
            )
        if asked:
            # What was told meanwhile is seen from here on.
            self.env.cr.commit()
            self._forget_replaced(target)
        check = self.create({**values, "state": "complete", "unknown_count": unknown})
        check._sum_up()
        return check

    @api.model
    def _collect(self, target):
        """Put the latest fact of each key into a table of this session.

        ``found`` is what receipts say; a query of the target may say otherwise.
        """
        self.env.cr.execute("DROP TABLE IF EXISTS healthcare_completeness_fact")
        self.env.cr.execute(
            SQL(
                """CREATE TEMPORARY TABLE healthcare_completeness_fact AS
                SELECT id, fact_id, fact_type, key, day,
                    substr(fact_id, 1, 2) AS part, state = 'delivered' AS found
                FROM (
                    SELECT DISTINCT ON (f.key) f.id, f.fact_id, f.fact_type, f.key,
                        f.recorded_at, told.state,
                        (f.recorded_at AT TIME ZONE 'UTC'
                            AT TIME ZONE coalesce(p.tz, 'UTC'))::date AS day
                    FROM (
                        SELECT fact_id, state, 1 AS place FROM healthcare_delivery
                        WHERE target_id = %s
                        UNION ALL
                        SELECT n.fact_id::int, b.state,
                            CASE b.state WHEN 'delivered' THEN 2 ELSE 3 END
                        FROM %s WHERE b.target_id = %s
                        AND b.state IN ('open', 'delivered')
                    ) told
                    JOIN healthcare_fact f ON f.id = told.fact_id
                    LEFT JOIN res_company c ON c.id = f.company_id
                    LEFT JOIN res_partner p ON p.id = c.partner_id
                    ORDER BY f.key, f.sequence DESC, told.place
                ) latest WHERE recorded_at < %s""",
                target.id,
                SQL(receipts.CONTENTS),
                target.id,
                clock.utc_now() - GRACE,
            )
        )

    @api.model
    def _compare_by_query(self, target):
        """Correct ``found`` by what the target answers; return the number unknown.

        :raise TechnicalError: it did not answer
        :raise ValueError: it answered with something else
        """
        there = completeness.read_parts(
            target._ask(completeness.parts_query(target.table))
        )
        rows = self.env.execute_query(
            SQL(
                """SELECT fact_type, part, count(*), %s::text
                FROM healthcare_completeness_fact GROUP BY 1, 2""",
                _SUM,
            )
        )
        here = {(kind, part): (count, int(total)) for kind, part, count, total in rows}
        different = {
            part
            for kind, part in here.keys() | there.keys()
            if here.get((kind, part)) != there.get((kind, part))
        }
        self.env.cr.execute("UPDATE healthcare_completeness_fact SET found = true")
        unknown = 0
        for part in sorted(different):
            answer = target._ask(completeness.ids_query(target.table, part))
            ids = list(completeness.read_ids(answer))
            self.env.cr.execute(
                SQL(
                    """UPDATE healthcare_completeness_fact SET found = false
                    WHERE part = %s AND NOT fact_id = ANY(%s)""",
                    part,
                    ids,
                )
            )
            ((known,),) = self.env.execute_query(
                SQL(
                    """SELECT count(*) FROM healthcare_fact f
                    WHERE f.fact_id = ANY(%s) AND %s""",
                    ids,
                    target._concerns(),
                )
            )
            unknown += len(ids) - known
        return unknown

    @api.model
    def _forget_replaced(self, target):
        """Leave out what lacks because something newer of its key was told since."""
        self.env.cr.execute(
            SQL(
                """DELETE FROM healthcare_completeness_fact old
                USING healthcare_fact mine
                WHERE NOT old.found AND mine.id = old.id AND (
                    EXISTS (SELECT FROM healthcare_fact f
                        WHERE f.key = mine.key AND f.sequence > mine.sequence
                        AND %s))""",
                target._concerns(),
            )
        )

    def _sum_up(self):
        """Write down what was found out, per type and day where something lacks."""
        self.ensure_one()
        self.flush_recordset()
        rows = self.env.execute_query(
            SQL(
                """SELECT fact_type, day, count(*), %(sum)s::text,
                    count(*) FILTER (WHERE found),
                    coalesce(%(sum)s FILTER (WHERE found), 0)::text
                FROM healthcare_completeness_fact GROUP BY 1, 2 ORDER BY 2, 1""",
                sum=_SUM,
            )
        )
        self.env.cr.execute(
            SQL(
                """INSERT INTO healthcare_completeness_missing (check_id, fact_id)
                SELECT %s, c.id FROM healthcare_completeness_fact c
                JOIN healthcare_fact f ON f.id = c.id WHERE NOT c.found""",
                self.id,
            )
        )
        self.env.cr.execute("DROP TABLE healthcare_completeness_fact")
        self.invalidate_recordset(["missing_ids"])
        self.env["healthcare.completeness.line"].create(
            [
                {
                    "check_id": self.id,
                    "fact_type": fact_type,
                    "day": day,
                    "expected_count": expected,
                    "expected_sum": expected_sum,
                    "found_count": found,
                    "found_sum": found_sum,
                }
                for fact_type, day, expected, expected_sum, found, found_sum in rows
                if expected != found
            ]
        )
        missing = sum(row[2] - row[4] for row in rows)
        self.write(
            {
                "expected_count": sum(row[2] for row in rows),
                "missing_count": missing,
                "state": "gap" if missing else "complete",
            }
        )
        if missing and self.target_id.resend_gaps and not self._was_sent_again():
            self._send_again()

    def _was_sent_again(self):
        """Whether the check before this one had its gap sent again already."""
        before = self.search(
            [("target_id", "=", self.target_id.id), ("id", "<", self.id)], limit=1
        )
        return before.state == "resent"

    # -- mending ----------------------------------------------------------------

    def action_send_again(self):
        """Put what lacks in line again, under the same key and sequence."""
        self.ensure_one()
        self.target_id.check_access("write")
        # Stands in for the system: deliveries are written by it alone.
        check = self.sudo()
        check._send_again(("failed", "given_up"))
        check.user_id = self.env.user

    def _send_again(self, states=()):
        """Put what lacks in line again: what was acknowledged and is not there.

        :param states: of what was set aside and is sent as well; by itself nothing,
            since what was refused is for a person to look at
        """
        self.ensure_one()
        deliveries = self.env["healthcare.delivery"]
        deliveries.flush_model()
        rows = self.env.execute_query(
            SQL(
                """SELECT f.id, f.key, f.fact_type
                FROM healthcare_completeness_missing m
                JOIN healthcare_fact f ON f.id = m.fact_id
                LEFT JOIN healthcare_delivery d
                    ON d.fact_id = f.id AND d.target_id = %s
                WHERE m.check_id = %s AND (d.id IS NULL OR d.state = ANY(%s))""",
                self.target_id.id,
                self.id,
                list(states),
            )
        )
        if rows:
            deliveries._put_in_line(self.target_id, rows)
            self.state = "resent"

    def action_open_missing(self):
        self.ensure_one()
        return self.env["healthcare.fact"]._open_facts(
            [("id", "in", self.missing_ids.ids)]
        )


class HealthcareCompletenessLine(models.Model):
    """A day of which a target lacks something."""

    _name = "healthcare.completeness.line"
    _description = "Missing Facts of a Day"
    _order = "check_id desc, day, fact_type"
    _log_access = False
    _rec_name = "day"

    check_id = fields.Many2one(
        "healthcare.completeness",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    fact_type = fields.Selection(
        selection=lambda self: (
            self.env["healthcare.fact"]
            ._fields["fact_type"]
            ._description_selection(self.env)
        ),
        string="Kind",
        required=True,
        readonly=True,
    )
    day = fields.Date(required=True, readonly=True, help="In the company's time zone.")
    expected_count = fields.Integer(string="In Odoo", readonly=True)
    found_count = fields.Integer(string="At the Target", readonly=True)
    expected_sum = fields.Char(string="Checksum in Odoo", readonly=True)
    found_sum = fields.Char(string="Checksum at the Target", readonly=True)
    missing_count = fields.Integer(string="Missing", compute="_compute_missing_count")

    def _compute_missing_count(self):
        for line in self:
            line.missing_count = line.expected_count - line.found_count
