"""Trying a replay: everything is done as it would be, looked at, and undone."""

import contextlib
from collections import Counter, defaultdict

from odoo import SUPERUSER_ID, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.misc import Callbacks

from .run import EVENTS_WISE

# Tried while somebody waits for the answer.
SAMPLE = 200
ROUNDS = 5
SHOWN = 80
HOOKS = ("precommit", "postcommit", "prerollback", "postrollback")
TECHNICAL = {"write_date", "write_uid", "create_date", "create_uid", "access_token"}


class HealthcareReplay(models.Model):
    _inherit = "healthcare.replay"

    def _documents(self):
        """Return the kinds of documents that are looked at, in people's words."""
        return {
            "res.partner": self.env._("Patients and payers"),
            "healthcare.coverage": self.env._("Coverages"),
            "healthcare.appointment": self.env._("Appointments"),
            "healthcare.authorization": self.env._("Authorizations"),
            "healthcare.completion": self.env._("Completed services"),
            "sale.order": self.env._("Service orders"),
            "stock.picking": self.env._("Transfers of supplies"),
            "purchase.order": self.env._("Purchase orders"),
            "healthcare.claim": self.env._("Claims"),
            "account.move": self.env._("Invoices and entries"),
            "account.payment": self.env._("Payments"),
            "healthcare.exception": self.env._("Exceptions"),
        }

    def action_preview(self):
        """Try it on the first events and keep nothing but what was counted."""
        self.ensure_one()
        self._check_may_work()
        if self.state != "draft" or self.kind not in EVENTS_WISE:
            raise UserError(self.env._("This was started already."))
        events = self._sample()
        if not events:
            raise UserError(self.env._("There is nothing to do: nothing matches."))
        outcomes, differences = self._try(events)
        # Stands in for the system: nobody writes what was counted by hand.
        job = self.sudo()
        job.outcome_ids.unlink()
        job.difference_ids.unlink()
        self.env["healthcare.replay.outcome"].sudo().create(
            [
                {
                    "replay_id": self.id,
                    "phase": "preview",
                    "outcome": outcome,
                    "category": category,
                    "count": count,
                }
                for (outcome, category), count in outcomes.items()
            ]
        )
        self.env["healthcare.replay.difference"].sudo().create(
            [{"replay_id": self.id, **values} for values in differences]
        )
        job.write(
            {"previewed_at": fields.Datetime.now(), "previewed_count": len(events)}
        )
        return True

    def _sample(self):
        events = self.env["healthcare.event"]
        if self.by_hand:
            domain = [("replay_line_ids.replay_id", "=", self.id)]
        else:
            domain = self._event_domain()
        return events.search(domain, order="id", limit=SAMPLE)

    # -- trying -----------------------------------------------------------------

    def _try(self, events):
        """Return counts ``{(outcome, category): n}`` and values of differences."""
        # Stands in for the engine, which runs as the system; nothing of it is kept.
        system = self.env(user=SUPERUSER_ID, context={"lang": self.env.lang})
        documents = self._documents()
        with self._nothing_kept():
            last = self._last_ids(documents)
            ids = self._prepare(system, events)
            stale = self._run_all(system["healthcare.engine"], ids)
            system.flush_all()
            links = self._links(ids)
            made = {model: self._ids_after(model, last[model]) for model in documents}
            after = {
                model: self._rows(model, {i for i in ids if i <= last[model]})
                for model, ids in links.items()
                if model in documents
            }
            states = self._states(ids)
        before = {model: self._rows(model, rows) for model, rows in after.items()}
        changed = self._changed(before, after)
        touched = {(model, i) for model, ids in made.items() for i in ids} | {
            (model, i) for model, rows in changed.items() for i in rows
        }
        outcomes = Counter()
        if left_out := len(events) - len(ids):
            outcomes["skipped", False] = left_out
        for event_id, (state, category, documents_of) in states.items():
            if state == "done" and (
                event_id in stale or not touched.intersection(documents_of)
            ):
                state = "unchanged"
            outcomes[state, category] += 1
        return outcomes, self._differences(documents, made, changed)

    def _prepare(self, system, events):
        """Do what comes before the events run; return the ids of those that then do.

        :param system: environment of the engine
        """
        return events.ids

    @contextlib.contextmanager
    def _nothing_kept(self):
        """Undo everything at the end: rows, caches, and what was to follow a commit."""
        cr = self.env.cr
        self.env.flush_all()
        savepoint = cr.savepoint()
        # What was to be sent or woken after the commit belongs to what is undone.
        kept = {name: getattr(cr, name) for name in HOOKS}
        for name in HOOKS:
            setattr(cr, name, Callbacks())
        try:
            yield
        finally:
            try:
                savepoint.close(rollback=True)
            finally:
                for name, hooks in kept.items():
                    setattr(cr, name, hooks)
            self.env.invalidate_all(flush=False)

    def _run_all(self, engine, ids):
        """Run events as the engine would; return the ids of those older than known."""
        self.env.execute_query(
            SQL(
                """UPDATE healthcare_event SET state = 'received', run_after = NULL,
                    blocked_on = NULL, processed_at = NULL
                WHERE id = ANY(%s) AND rejected IS NOT TRUE
                AND state IN ('exception', 'dead', 'discarded', 'done')
                RETURNING id""",
                ids,
            )
        )
        engine._forget()
        stale = set()
        for _round in range(ROUNDS):
            queues = self._queues(ids)
            if not queues:
                break
            run = engine._run_queues(queues)
            stale |= run.stale
            engine.env.flush_all()
            engine._settle(run)
        return stale

    def _queues(self, ids):
        """Return those that are ready as one ordered list per subject."""
        rows = self.env.execute_query(
            SQL(
                """SELECT id, subject, state = 'received' AND id = ANY(%s)
                FROM healthcare_event
                WHERE subject IN (SELECT subject FROM healthcare_event
                    WHERE id = ANY(%s) AND state = 'received')
                AND state IN ('received', 'processing', 'waiting', 'retrying',
                    'exception') AND rejected IS NOT TRUE
                AND (state != 'exception' OR blocked_on IS DISTINCT FROM subject)
                ORDER BY subject, occurred_at, id""",
                ids,
                ids,
            )
        )
        queues, held, blocked = defaultdict(list), [], set()
        for event_id, subject, ready in rows:
            if not ready:
                blocked.add(subject)
            elif subject in blocked:
                held.append(event_id)
            else:
                queues[subject].append(event_id)
        engine = self.env["healthcare.engine"]
        engine._set_state(held, "waiting")
        engine._set_state([i for queue in queues.values() for i in queue], "processing")
        engine._forget()
        return list(queues.values())

    # -- what came of it --------------------------------------------------------

    def _states(self, ids):
        """Return ``{event id: (outcome, category, {(model, id)})}``."""
        outcomes = {
            "done": "done",
            "exception": "parked",
            "waiting": "waiting",
            "retrying": "retry",
        }
        rows = self.env.execute_query(
            SQL(
                """SELECT e.id, e.state, e.rejected, x.category
                FROM healthcare_event e
                LEFT JOIN healthcare_exception x ON x.event_id = e.id
                    AND x.blocks_event AND x.state IN ('open', 'assigned')
                WHERE e.id = ANY(%s)""",
                ids,
            )
        )
        links = defaultdict(set)
        for event_id, model, res_id in self.env.execute_query(
            SQL(
                """SELECT event_id, res_model, res_id FROM healthcare_document_link
                WHERE event_id = ANY(%s)""",
                ids,
            )
        ):
            links[event_id].add((model, res_id))
        return {
            event_id: (
                "skipped" if rejected else outcomes.get(state, "underway"),
                category if state == "exception" else False,
                links[event_id],
            )
            for event_id, state, rejected, category in rows
        }

    def _links(self, ids):
        links = defaultdict(set)
        for _event, model, res_id in self.env.execute_query(
            SQL(
                """SELECT event_id, res_model, res_id FROM healthcare_document_link
                WHERE event_id = ANY(%s)""",
                ids,
            )
        ):
            links[model].add(res_id)
        return links

    def _last_ids(self, models_):
        return {
            model: self.env.execute_query(
                SQL(
                    "SELECT coalesce(max(id), 0) FROM %s",
                    SQL.identifier(self.env[model]._table),
                )
            )[0][0]
            for model in models_
        }

    def _ids_after(self, model, last):
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM %s WHERE id > %s",
                SQL.identifier(self.env[model]._table),
                last,
            )
        )
        return [row[0] for row in rows]

    def _rows(self, model, ids):
        """Return ``{id: {column: value}}``, without what changes with every write."""
        if not ids:
            return {}
        cr = self.env.cr
        cr.execute(
            SQL(
                "SELECT * FROM %s WHERE id = ANY(%s)",
                SQL.identifier(self.env[model]._table),
                list(ids),
            )
        )
        return {
            row["id"]: {name: row[name] for name in row if name not in TECHNICAL}
            for row in cr.dictfetchall()
        }

    def _changed(self, before, after):
        """Return ``{model: {id: {column}}}`` of documents that would change."""
        changed = {}
        for model, rows in after.items():
            for res_id, row in rows.items():
                old = before[model].get(res_id, {})
                if names := {name for name in row if row[name] != old.get(name)}:
                    changed.setdefault(model, {})[res_id] = names
        return changed

    def _differences(self, documents, made, changed):
        values = []
        for model, label in documents.items():
            if made[model]:
                values.append(
                    {
                        "change": "created",
                        "document": label,
                        "res_model": model,
                        "count": len(made[model]),
                    }
                )
            if rows := changed.get(model):
                names = sorted(set().union(*rows.values()))
                labels = self.env[model].sudo().fields_get(names, ["string"])
                values.append(
                    {
                        "change": "changed",
                        "document": label,
                        "res_model": model,
                        "res_ids": sorted(rows)[:SHOWN],
                        "count": len(rows),
                        "fields_changed": ", ".join(
                            sorted({info["string"] for info in labels.values()})
                        ),
                    }
                )
        return values
