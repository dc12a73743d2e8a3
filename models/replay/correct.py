"""Jobs that correct one value of many events and let them run."""

import uuid

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...core import strict_json
from ...core.contract import corrections
from ..exchange.engine import CONFLICTS

PHI_READER = "healthcare_connector.group_phi_reader"


class HealthcareReplay(models.Model):
    _inherit = "healthcare.replay"

    uuid = fields.Char(readonly=True, copy=False)
    correction = fields.Binary(
        attachment=False,
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
        help="Encrypted: which value is set, and to what.",
    )
    correction_name = fields.Char(string="What Is Corrected", readonly=True)

    @api.model
    def _prepare_correction(self, exceptions, place, name, change, reason):
        """Prepare to set one value of the events of these exceptions.

        :param place: JSON pointer with ``*`` for entries of lists
        :param name: the place in words
        :param change: ``{"value": new}``, or ``{"changes": [[old, new], …]}`` with
            ``None`` for what is not there
        :return: the job, to be looked at and started
        :raise AccessError: for who may not correct this
        """
        exceptions._check_open()
        exceptions.event_id.check_access("read")
        if corrections.identifies(place) and not self.env.user.has_group(PHI_READER):
            raise AccessError(
                self.env._("Only PHI readers may correct what tells of a person.")
            )
        own = str(uuid.uuid4())
        sealed = self.env["healthcare.keyring"]._seal(
            strict_json.dumps({"place": place, **change}), self._name, own, "correction"
        )
        held = exceptions.filtered("blocks_event").event_id
        # Stands in for whoever corrects, whose right was checked just above; the job
        # then works with that person's own rights.
        job = self.sudo().create(
            {
                "kind": "correct",
                "reason": reason,
                "by_hand": True,
                "uuid": own,
                "correction": sealed,
                "correction_name": name,
                "total_count": len(held),
            }
        )
        self.env.cr.execute_values(
            "INSERT INTO healthcare_replay_line (replay_id, event_id, state)"
            " VALUES %s ON CONFLICT DO NOTHING",
            [(job.id, one, "pending") for one in sorted(held.ids)],
            page_size=5000,
        )
        return job.with_env(self.env)

    # -- at work ----------------------------------------------------------------

    def _corrected(self, events):
        """Return ``{event: corrected envelope}`` of those that would change."""
        self.ensure_one()
        # Stands in for whoever prepared the job: it is opened to be carried out.
        job = self.sudo().with_context(bin_size=False)
        change = strict_json.loads(
            self.env["healthcare.keyring"]._open(
                job.correction, self._name, job.uuid, "correction"
            )
        )
        choose = _chooser(change)
        found = {}
        for event, envelope in events._envelopes().items():
            if isinstance(envelope, dict):
                new = corrections.corrected(envelope, change["place"], choose)
                if new is not None:
                    found[event] = new
        return found

    def _prepare(self, system, events):
        if self.kind != "correct":
            return super()._prepare(system, events)
        held = events.sudo().filtered(lambda one: one.state == "exception")
        envelopes = self._corrected(held.with_env(system))
        refused = system["healthcare.intake"]._correct_all(envelopes, self.reason)
        return [event.id for event in envelopes if event not in refused]

    def _correct_lines(self, lines):
        """Correct the events of these lines and let them go."""
        mine = lines.event_id.with_user(self.user_id)
        allowed = mine._filtered_access("read").sudo()
        held = allowed.filtered(lambda one: one.state == "exception")
        self._mark(
            lines.filtered(lambda line: line.event_id.id not in held._ids),
            "skipped",
            self.env._("It went on meanwhile."),
        )
        envelopes = self._corrected(held)
        same = {event.id for event in held} - {event.id for event in envelopes}
        self._mark(
            lines.filtered(lambda line: line.event_id.id in same),
            "skipped",
            self.env._("It does not hold what was to be corrected."),
        )
        self._lay_over(lines, envelopes)

    def _lay_over(self, lines, envelopes):
        """Store versions and let events go; a bad one stands alone."""
        if not envelopes:
            return
        intake = self.env["healthcare.intake"].with_user(self.user_id).sudo()
        try:
            with self.env.cr.savepoint():
                refused = intake._correct_all(envelopes, self.reason)
                self._note_corrected([one for one in envelopes if one not in refused])
                self.env.flush_all()
        except psycopg2.Error as error:
            if error.pgcode in CONFLICTS or self.env.cr.closed:
                raise
            self.env.invalidate_all(flush=False)
            both = list(envelopes.items())
            if len(both) > 1:
                half = len(both) // 2
                self._lay_over(lines, dict(both[:half]))
                self._lay_over(lines, dict(both[half:]))
                return
            reason = self.env._("Unexpected error (%s)", type(error).__name__)
            refused = dict.fromkeys(envelopes, reason)
        by_event = {line.event_id.id: line for line in lines}
        gone = [by_event[one.id].id for one in envelopes if one not in refused]
        lines.browse(gone).write({"state": "released"})
        for event, message in refused.items():
            self._mark(by_event[event.id], "failed", message)

    def _note_corrected(self, events):
        """Put on record who corrected, and why."""
        ones = self.env["healthcare.exception"].search(
            [
                ("event_id", "in", [event.id for event in events]),
                ("blocks_event", "=", True),
                ("is_open", "=", True),
            ]
        )
        ones.with_user(self.user_id)._note_decision("corrected", self.reason)
        ones.write({"resolution": "corrected"})


def _chooser(change):
    """Return the function of a value that tells what it becomes."""
    if "changes" not in change:
        return lambda _old: change["value"]
    become = {strict_json.dumps(old): new for old, new in change["changes"]}

    def choose(old):
        known = strict_json.dumps(None if old is corrections.MISSING else old)
        return become.get(known, corrections.KEEP)

    return choose
