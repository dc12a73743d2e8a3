"""Erasing, slice by slice: what is due, what is held, what is left of it."""

import hashlib

from odoo import fields, models
from odoo.tools import SQL

from ..exchange.event import UNFINISHED

WINDOW = 5000  # rows looked at in one slice
SLICE = 500  # rows erased in one slice

TABLES = {
    "event": "healthcare_event",
    "message": "healthcare_message_body",
    "exception": "healthcare_exception",
    "log": "healthcare_sync_log",
    "fact": "healthcare_fact",
}
# Of each kind: what is done with and old enough. Nothing that is open, waiting or not
# delivered is among it.
_DUE = {
    "event": """t.body IS NOT NULL AND t.state IN ('done', 'discarded')
        AND coalesce(t.processed_at, t.received_at) < %(cutoff)s
        AND NOT EXISTS (SELECT 1 FROM healthcare_exception x WHERE x.event_id = t.id
            AND x.state IN ('open', 'assigned'))
        AND NOT EXISTS (SELECT 1 FROM healthcare_fact f
            JOIN healthcare_delivery d ON d.fact_id = f.id
            WHERE f.event_id = t.id AND d.state IN ('pending', 'failed', 'given_up'))
        AND NOT EXISTS (SELECT 1 FROM healthcare_replay_line l WHERE l.event_id = t.id
            AND l.state IN ('pending', 'released'))""",
    "message": """t.body IS NOT NULL AND t.received_at < %(cutoff)s
        AND NOT EXISTS (SELECT 1 FROM healthcare_message m WHERE m.body_id = t.id
            AND m.state NOT IN ('taken', 'nothing'))
        AND NOT EXISTS (SELECT 1 FROM healthcare_message m
            JOIN healthcare_event e ON e.message_id = m.id
            WHERE m.body_id = t.id AND e.state IN %(unfinished)s)""",
    "exception": """t.minimized_at IS NULL AND t.state IN ('resolved', 'waived')
        AND coalesce(t.resolved_at, t.opened_at) < %(cutoff)s""",
    "log": """t.message IS NOT NULL AND t.date < %(cutoff)s
        AND NOT EXISTS (SELECT 1 FROM healthcare_event e WHERE e.id = t.event_id
            AND e.state IN %(unfinished)s)""",
    "fact": """t.sealed IS NOT NULL AND t.recorded_at < %(cutoff)s
        AND NOT EXISTS (SELECT 1 FROM healthcare_delivery d WHERE d.fact_id = t.id
            AND d.state IN ('pending', 'failed', 'given_up'))""",
}
_REPLACED = """EXISTS (SELECT 1 FROM healthcare_fact n WHERE n.key = t.key
    AND n.sequence > t.sequence)"""
_HELD = {
    "event": "t.source_id = ANY(%(sources)s) OR t.id = ANY(%(events)s)",
    "message": """t.source_id = ANY(%(sources)s) OR EXISTS (
        SELECT 1 FROM healthcare_message m JOIN healthcare_event e
        ON e.message_id = m.id WHERE m.body_id = t.id AND e.id = ANY(%(events)s))""",
    "exception": """t.source_id = ANY(%(sources)s) OR t.event_id = ANY(%(events)s)
        OR t.patient_id = ANY(%(partners)s)""",
    "log": """t.event_id = ANY(%(events)s) OR EXISTS (SELECT 1 FROM healthcare_event e
        WHERE e.id = t.event_id AND e.source_id = ANY(%(sources)s))""",
    "fact": """t.partner_id = ANY(%(partners)s) OR t.event_id = ANY(%(events)s)
        OR EXISTS (SELECT 1 FROM healthcare_event e WHERE e.id = t.event_id
            AND e.source_id = ANY(%(sources)s))""",
}
_ERASE = {
    "event": (
        "UPDATE healthcare_event SET body = NULL, minimized_at = %(now)s"
        " WHERE id = ANY(%(ids)s)",
        "UPDATE healthcare_event_correction SET body = NULL"
        " WHERE event_id = ANY(%(ids)s)",
    ),
    "message": (
        "UPDATE healthcare_message_body SET body = NULL, minimized_at = %(now)s"
        " WHERE id = ANY(%(ids)s)",
    ),
    "exception": (
        "UPDATE healthcare_exception SET waive_reason = NULL, minimized_at = %(now)s"
        " WHERE id = ANY(%(ids)s)",
        "DELETE FROM mail_message WHERE model = 'healthcare.approval' AND res_id IN"
        " (SELECT id FROM healthcare_approval WHERE exception_id = ANY(%(ids)s))",
        "UPDATE healthcare_approval SET reason = '', answer = NULL"
        " WHERE exception_id = ANY(%(ids)s)",
        "DELETE FROM mail_message WHERE model = 'healthcare.exception'"
        " AND res_id = ANY(%(ids)s)",
    ),
    "log": ("UPDATE healthcare_sync_log SET message = NULL WHERE id = ANY(%(ids)s)",),
    "fact": ("UPDATE healthcare_fact SET sealed = NULL WHERE id = ANY(%(ids)s)",),
}


class HealthcareRetentionRun(models.Model):
    _inherit = "healthcare.retention.run"

    def _advance(self):
        """Erase one slice; tell whether there may be more, of this run or another."""
        self.ensure_one()
        ((upper,),) = self.env.execute_query(
            SQL(
                """SELECT max(id) FROM
                (SELECT id FROM %s WHERE id > %s ORDER BY id LIMIT %s) w""",
                SQL.identifier(TABLES[self.kind]),
                self.cursor,
                WINDOW,
            )
        )
        if upper is None:
            self._end()
            return True
        rows = self.env.execute_query(
            SQL(
                """SELECT t.id, %(held)s FROM %(table)s t
                WHERE t.id > %(cursor)s AND t.id <= %(upper)s AND %(due)s
                ORDER BY t.id LIMIT %(limit)s FOR NO KEY UPDATE OF t SKIP LOCKED""",
                held=self._held(),
                table=SQL.identifier(TABLES[self.kind]),
                cursor=self.cursor,
                upper=upper,
                due=self._due(),
                limit=SLICE,
            )
        )
        ids = [row_id for row_id, held in rows if not held]
        self._erase(ids)
        self.write(
            {
                "cursor": rows[-1][0] if len(rows) == SLICE else upper,
                "held_count": self.held_count + len(rows) - len(ids),
            }
        )
        return True

    def _erase(self, ids):
        """Erase what these records contain and go on with the proof."""
        if not ids:
            return
        for query in _ERASE[self.kind]:
            self.env.cr.execute(query, {"ids": ids, "now": fields.Datetime.now()})
        text = (self.ids_hash or "") + ",".join(map(str, ids))
        self.write(
            {
                "erased_count": self.erased_count + len(ids),
                "ids_hash": hashlib.sha256(text.encode()).hexdigest(),
            }
        )
        self.env.invalidate_all()

    # -- choosing ---------------------------------------------------------------

    def _done_with(self, latest_too=False):
        """Return the condition that a record is done with and old enough.

        :param latest_too: of facts, also the last one told of a document, which is
            told again when patients are merged
        """
        due = SQL(_DUE[self.kind], cutoff=self.cutoff, unfinished=UNFINISHED)
        if self.kind == "fact" and not latest_too:
            due = SQL("%s AND %s", due, SQL(_REPLACED))
        return due

    def _due(self):
        due = self._done_with()
        if self.kind != "event":
            return due
        if self.type_id:
            return SQL("%s AND t.type_id = %s", due, self.type_id.id)
        # Types with a policy of their own, on or off, are none of the general one's.
        own = self.env["healthcare.retention.policy"].search([("type_id", "!=", False)])
        return SQL(
            "%s AND (t.type_id IS NULL OR t.type_id <> ALL(%s))", due, own.type_id.ids
        )

    def _held(self):
        partners, sources = self.env["healthcare.legal.hold"]._in_force()
        return SQL(
            "coalesce(%s, FALSE)",
            SQL(
                _HELD[self.kind],
                partners=partners.ids,
                sources=sources,
                events=self.env["healthcare.event"]._ids_of_patients(partners),
            ),
        )

    def _count_due(self):
        """Return how many records would be erased now, and how many holds keep."""
        ((due, held),) = self.env.execute_query(
            SQL(
                "SELECT count(*), count(*) FILTER (WHERE %s) FROM %s t WHERE %s",
                self._held(),
                SQL.identifier(TABLES[self.kind]),
                self._due(),
            )
        )
        return due - held, held
