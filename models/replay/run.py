"""Jobs at work: one slice at a time, committed with the lines it finished."""

import logging

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import SQL

from ..exchange.engine import CONFLICTS

_logger = logging.getLogger(__name__)

SLICE = 200
# Events of one job that may be under way at once: what comes in meanwhile gets its
# turn, and pausing or cancelling still means something.
IN_FLIGHT = 400
EVENTS_WISE = ("replay", "correct")  # kinds whose lines are events, not exceptions
REPLAYED = ("exception", "dead", "discarded")


class HealthcareReplay(models.Model):
    _inherit = "healthcare.replay"

    # -- driving ----------------------------------------------------------------

    def _advance(self):
        """Work one slice; tell whether more can be done at once."""
        self.ensure_one()
        settled = self._settle_lines()
        under_way = self._count_lines("released", IN_FLIGHT)
        lines = self._next_lines(min(SLICE, IN_FLIGHT - under_way))
        if lines:
            self._work(lines)
        settled += len(lines.filtered(lambda line: line.state != "released"))
        if settled:
            self.done_count += settled
        if not under_way and not lines:
            self._finish()
        return bool(lines)

    @api.model
    def _follow(self):
        """Have running jobs look on: what they let go has come to rest."""
        if self.env.execute_query(
            SQL("SELECT 1 FROM healthcare_replay WHERE state = 'running' LIMIT 1")
        ):
            self._wake()

    def _settle_lines(self):
        """Finish the lines whose events have come to rest; return how many."""
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_replay_line l SET state = 'done'
                FROM healthcare_event e
                WHERE l.replay_id = %s AND l.state = 'released' AND e.id = l.event_id
                AND (e.state NOT IN ('received', 'processing') OR %s)
                RETURNING l.id""",
                self.id,
                self.env["healthcare.pause"]._holding(),
            )
        )
        self.env["healthcare.replay.line"].invalidate_model(["state"], flush=False)
        return len(rows)

    def _count_lines(self, state, at_most):
        return self.env["healthcare.replay.line"].search_count(
            [("replay_id", "=", self.id), ("state", "=", state)], limit=at_most
        )

    def _next_lines(self, number):
        lines = self.env["healthcare.replay.line"]
        if number <= 0:
            return lines
        return lines.search(
            [("replay_id", "=", self.id), ("state", "=", "pending")],
            order="id",
            limit=number,
        )

    def _finish(self):
        self._end()
        self._count_results()
        told = self.with_context(lang=self.user_id.lang).env
        labels = dict(
            told["healthcare.replay.outcome"]
            ._fields["outcome"]
            ._description_selection(told)
        )
        counts = {}
        for row in self.result_ids:
            counts[row.outcome] = counts.get(row.outcome, 0) + row.count
        self.message_notify(
            partner_ids=self.user_id.partner_id.ids,
            subject=told._("%s is finished", self.name),
            body=" · ".join(f"{labels[key]}: {n}" for key, n in counts.items()),
        )
        if self.kind == "assign":
            self._tell_new_owner()

    def _tell_new_owner(self):
        """Tell the new owner once of all that was handed over."""
        if self.new_owner_id == self.user_id:
            return
        told = self.with_context(lang=self.new_owner_id.lang).env
        self.message_notify(
            partner_ids=self.new_owner_id.partner_id.ids,
            subject=told._("%s exceptions for you", self.total_count),
            body=told._(
                "%(name)s handed %(count)s exception(s) over to you. %(note)s",
                name=self.user_id.name,
                count=self.total_count,
                note=self.reason or "",
            ),
        )

    # -- one slice --------------------------------------------------------------

    def _work(self, lines):
        if self.kind == "replay":
            self._run_again(lines)
        elif self.kind == "correct":
            self._correct_lines(lines)
        else:
            self._decide(lines)
        self.env.flush_all()

    def _run_again(self, lines):
        """Let the events of these lines go; they end by themselves."""
        events = lines.event_id
        allowed = events.with_user(self.user_id)._filtered_access("read").sudo()
        refused = events.filtered("rejected")
        ready = events.filtered(lambda one: one in allowed) - refused
        ready = ready.filtered(lambda one: one.state in REPLAYED)
        self._mark(
            lines.filtered(lambda line: line.event_id in refused),
            "skipped",
            self.env._("Refused when it came in: it has to be corrected first."),
        )
        self._mark(
            lines.filtered(lambda line: line.event_id not in ready | refused),
            "skipped",
            self.env._("It went on meanwhile."),
        )
        lines.filtered(lambda line: line.event_id in ready).write({"state": "released"})
        if not ready:
            return
        now = fields.Datetime.now()
        self.env["healthcare.sync.log"].create(
            [
                {
                    "event_id": event.id,
                    "operation": "decision",
                    "outcome": "released",
                    "message": self.reason,
                    "date": now,
                    "user_id": self.user_id.id,
                }
                for event in ready
            ]
        )
        self.env["healthcare.engine"]._run_again(ready.ids)

    def _decide(self, lines):
        """Decide on the exceptions of these lines; a bad one stands alone."""
        # With the rights of whoever decided, not with those of the job.
        ones = (
            lines.exception_id.with_user(self.user_id)
            .with_company(self.company_id)
            .filtered(lambda one: one.sudo().is_open)
        )
        over = lines.filtered(lambda line: line.exception_id.id not in ones._ids)
        self._mark(over, "skipped", self.env._("It was closed meanwhile."))
        self._try_decision(lines - over, ones)

    def _try_decision(self, lines, ones):
        if not lines:
            return
        try:
            with self.env.cr.savepoint():
                getattr(self, f"_decide_{self.kind}")(ones)
                self.env.flush_all()
        except psycopg2.Error as error:
            if error.pgcode in CONFLICTS or self.env.cr.closed:
                raise
            self._split_decision(lines, ones, error)
        except ConcurrencyError:
            raise
        except Exception as error:  # whatever stands in the way of one ends here
            self._split_decision(lines, ones, error)
        else:
            lines.filtered(lambda line: line.state == "pending").state = "done"

    def _split_decision(self, lines, ones, error):
        self.env.invalidate_all(flush=False)
        if len(lines) > 1:
            half = len(lines) // 2
            for part in (lines[:half], lines[half:]):
                ids = set(part.exception_id.ids)
                self._try_decision(part, ones.browse(i for i in ones.ids if i in ids))
            return
        if isinstance(error, UserError):
            message = " ".join(str(error).split())[:200]
        else:
            _logger.error("A decision failed: %s", type(error).__name__)
            message = self.env._("Unexpected error (%s)", type(error).__name__)
        self._mark(lines, "failed", message)

    def _decide_retry(self, ones):
        ready = ones.filtered(lambda one: not one.sudo().event_id.rejected)
        refused = (ones - ready)._ids
        self._mark(
            self.line_ids.search(
                [("replay_id", "=", self.id), ("exception_id", "in", refused)]
            ),
            "skipped",
            self.env._("Refused when it came in: it has to be corrected first."),
        )
        if ready:
            ready.action_retry()

    def _decide_waive(self, ones):
        asked = ones._waive_or_ask(self.reason)
        self._mark(
            self.line_ids.search(
                [("replay_id", "=", self.id), ("exception_id", "in", asked.ids)]
            ),
            "skipped",
            self.env._("Waits for a second person: so much is at risk."),
        )

    def _decide_assign(self, ones):
        ones._hand_over(self.new_owner_id, self.reason, tell=False)

    def _mark(self, lines, state, message):
        if lines:
            lines.write({"state": state, "message": message})

    # -- what came of it --------------------------------------------------------

    def _count_results(self):
        """Count how the events or exceptions of the job stand now."""
        self.ensure_one()
        self.env.flush_all()
        self.result_ids.unlink()
        self.env.cr.execute(
            SQL(
                """INSERT INTO healthcare_replay_outcome
                (replay_id, phase, outcome, category, message, count)
                SELECT %s, 'result', outcome, category, message, count(*) FROM (%s) r
                GROUP BY 3, 4, 5""",
                self.id,
                self._results(),
            )
        )
        self.invalidate_recordset(["result_ids", "outcome_ids"])

    def _results(self):
        if self.kind in EVENTS_WISE:
            return SQL(
                """SELECT CASE
                    WHEN l.state IN ('pending', 'skipped', 'failed') THEN l.state
                    WHEN e.state = 'done' THEN 'done'
                    WHEN e.state = 'exception' THEN 'parked'
                    WHEN e.state = 'waiting' THEN 'waiting'
                    WHEN e.state = 'retrying' THEN 'retry'
                    WHEN e.state IN ('discarded', 'dead') THEN 'skipped'
                    ELSE 'underway' END AS outcome,
                    CASE WHEN l.state = 'done' AND e.state = 'exception'
                        THEN x.category END AS category, l.message
                FROM healthcare_replay_line l
                JOIN healthcare_event e ON e.id = l.event_id
                LEFT JOIN healthcare_exception x ON x.event_id = e.id
                    AND x.blocks_event AND x.state IN ('open', 'assigned')
                WHERE l.replay_id = %s""",
                self.id,
            )
        return SQL(
            """SELECT CASE
                WHEN l.state != 'done' THEN l.state
                WHEN %s != 'retry' THEN 'decided'
                WHEN x.state IN ('open', 'assigned') THEN 'parked'
                ELSE 'done' END AS outcome,
                CASE WHEN x.state IN ('open', 'assigned') THEN x.category END
                    AS category, l.message
            FROM healthcare_replay_line l
            JOIN healthcare_exception x ON x.id = l.exception_id
            WHERE l.replay_id = %s""",
            self.kind,
            self.id,
        )

    # -- decisions on many exceptions -------------------------------------------

    @api.model
    def _decide_in_slices(self, kind, exceptions, reason, **values):
        """Begin a job on many exceptions; return an action that shows it.

        :param kind: ``retry``, ``waive`` or ``assign``
        :raise AccessError: for who may not work on exceptions
        """
        exceptions.check_access("write")
        if kind == "waive":
            exceptions._check_may_waive()
        # Stands in for the operator, whose right was checked just above; the job then
        # works with the operator's own rights.
        job = self.sudo().create(
            {"kind": kind, "reason": reason, "by_hand": True, **values}
        )
        self.env.cr.execute_values(
            "INSERT INTO healthcare_replay_line (replay_id, exception_id, state)"
            " VALUES %s ON CONFLICT DO NOTHING",
            [(job.id, one, "pending") for one in sorted(exceptions.ids)],
            page_size=5000,
        )
        job._begin()
        return job.with_env(self.env)._open_form()


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _settle(self, run):
        result = super()._settle(run)
        self.env["healthcare.replay"]._follow()
        return result

    @api.model
    def _run_again(self, ids):
        """Let events run again by a person's decision, those ended by one included."""
        contents = self.env.cr.postcommit.data.get("healthcare.contents", {})
        for event_id in ids:
            contents.pop(event_id, None)
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event SET state = 'received', run_after = NULL,
                    blocked_on = NULL, processed_at = NULL
                WHERE id = ANY(%s) AND state = ANY(%s) AND rejected IS NOT TRUE
                RETURNING partition""",
                list(ids),
                list(REPLAYED),
            )
        )
        self._forget()
        self._wake({row[0] for row in rows})
