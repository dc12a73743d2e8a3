"""The engine, letting go on: what was parked or waiting runs again."""

from odoo import api, fields, models
from odoo.tools import SQL

from .event import UNFINISHED

# How often an event may have been tried to be run again without news of its cause.
SETTLED_ATTEMPTS = 3
SWEPT_ATTEMPTS = 10


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _settle(self, run):
        """After a commit, in a fresh snapshot: let go on what was waiting.

        Both sides look after their own commit, so that an event parked for a patient
        and the patient that appears meanwhile in another shard cannot miss each other.
        """
        subjects = self._subjects_of(run.done)
        keys = run.announced | subjects
        self._release_causes(keys)
        self._release_subjects(subjects)
        self._recheck_causes(
            {error.cause for error in run.parked.values() if error.cause},
            SETTLED_ATTEMPTS,
        )

    @api.model
    def _subjects_of(self, ids):
        if not ids:
            return set()
        rows = self.env.execute_query(
            SQL(
                "SELECT DISTINCT subject FROM healthcare_event WHERE id = ANY(%s)",
                list(ids),
            )
        )
        return {row[0] for row in rows if row[0]}

    @api.model
    def _release_causes(self, keys, max_attempts=None):
        """Run again what was parked for these causes, or waits for these subjects.

        :param max_attempts: leave events alone that were tried as often as this
        """
        if not keys:
            return
        keys = list(keys)
        self.env["healthcare.exception"].flush_model(["cause_key", "state"])
        rows = self.env.execute_query(
            SQL(
                """SELECT e.id, e.event_id, e.blocks_event FROM healthcare_exception e
                LEFT JOIN healthcare_event v ON v.id = e.event_id
                WHERE e.cause_key = ANY(%s) AND e.state IN ('open', 'assigned')
                AND (%s IS NULL OR v.attempts IS NULL OR v.attempts < %s)""",
                keys,
                max_attempts,
                max_attempts,
            )
        )
        self._requeue([event_id for _id, event_id, blocks in rows if blocks])
        issues = [issue_id for issue_id, _event, blocks in rows if not blocks]
        if issues:
            self.env["healthcare.exception"].browse(issues)._recheck()
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM healthcare_event
                WHERE blocked_on = ANY(%s) AND state = 'waiting'""",
                keys,
            )
        )
        self._requeue([row[0] for row in rows])

    @api.model
    def _release_subjects(self, subjects):
        """Let go on what waited behind finished events of these subjects."""
        if not subjects:
            return
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM healthcare_event WHERE subject = ANY(%s)
                AND state = 'waiting' AND blocked_on IS NULL""",
                list(subjects),
            )
        )
        self._requeue([row[0] for row in rows])

    @api.model
    def _requeue(self, ids):
        """Set parked or waiting events ``received`` and wake their shards."""
        if not ids:
            return
        # Read again, too: codes and patients may be known by now.
        contents = self.env.cr.postcommit.data.get("healthcare.contents", {})
        for event_id in ids:
            contents.pop(event_id, None)
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event
                SET state = 'received', run_after = NULL, blocked_on = NULL
                WHERE id = ANY(%s) AND state IN ('exception', 'waiting', 'retrying')
                AND rejected IS NOT TRUE RETURNING partition""",
                list(ids),
            )
        )
        self._forget()
        self._wake({row[0] for row in rows})

    @api.model
    def _replay(self, ids):
        """Let finished events run again, by a person's decision.

        Their workflow must know that decision: to it, what they say is done.
        """
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event SET state = 'received', run_after = NULL
                WHERE id = ANY(%s) AND state = 'done' RETURNING partition""",
                list(ids),
            )
        )
        self._forget()
        self._wake({row[0] for row in rows})

    @api.model
    def _discard(self, ids):
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event SET state = 'discarded', processed_at = %s
                WHERE id = ANY(%s) AND state IN ('exception', 'waiting', 'retrying')
                RETURNING subject""",
                fields.Datetime.now(),
                list(ids),
            )
        )
        self._forget()
        subjects = {row[0] for row in rows if row[0]}
        self._release_subjects(subjects)
        self._release_causes(subjects)

    @api.model
    def _recheck_causes(self, causes, max_attempts):
        """Release what was parked for a cause that exists after all.

        Nobody said that anything has changed, so an event that parks again and again
        although its cause seems to be there is left to a person after some tries.
        """
        present = self.env["healthcare.workflow"]._causes_present(causes)
        self._release_causes(present, max_attempts)

    @api.model
    def _cron_sweep(self):
        """The net below all wake-ups: find what could go on but was not told so.

        Wake-ups can be lost when a server dies between a commit and what follows it.
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT cause_key FROM healthcare_exception
                WHERE cause_key IS NOT NULL AND state IN ('open', 'assigned')"""
            )
        )
        self._recheck_causes({row[0] for row in rows}, SWEPT_ATTEMPTS)
        rows = self.env.execute_query(
            SQL(
                """SELECT w.id FROM healthcare_event w WHERE w.state = 'waiting'
                AND NOT EXISTS (
                    SELECT 1 FROM healthcare_event b
                    WHERE b.subject = coalesce(w.blocked_on, w.subject)
                    AND b.state IN %s AND b.rejected IS NOT TRUE AND b.id != w.id
                    AND (w.blocked_on IS NOT NULL OR b.state != 'exception'
                         OR b.blocked_on IS DISTINCT FROM b.subject)
                    AND (w.blocked_on IS NOT NULL
                         OR (b.occurred_at, b.id) < (w.occurred_at, w.id)))""",
                UNFINISHED,
            )
        )
        self._requeue([row[0] for row in rows])
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT partition FROM healthcare_event
                WHERE state IN ('received', 'processing')
                OR (state = 'retrying' AND run_after <= %s)""",
                fields.Datetime.now(),
            )
        )
        if rows:
            self._wake({row[0] for row in rows})
