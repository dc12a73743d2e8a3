"""Taking a merge back: every row in the journal goes where it came from.

What came for the survivor after the merge stays there, but for money: once an entry was
posted since, nobody could say any more whose it is, and the merge stays.
"""

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .patient_merge import PARTS, plain


class HealthcarePatientMerge(models.Model):
    _inherit = "healthcare.patient.merge"

    def action_undo(self):
        """Bring the retired account back with everything it had."""
        self.ensure_one()
        self._undo_now()
        return True

    def _undo_now(self):
        """Undo it.

        :raise UserError: when something was posted for the survivor since, or one of
            the two was merged again
        """
        self._check_may_merge()
        # Stands in for the system: documents of every kind and company move back; who
        # may decide it was checked just now.
        self.sudo()._undo()

    def _undo(self):
        retired, survivor = self.retired_id, self.survivor_id
        self._lock(retired | survivor)
        self._check_undoable()
        self.env.flush_all()
        journal = self.journal
        for model, res_id, old, new in reversed(journal["values"]):
            record = self.env[model].browse(res_id).exists()
            # What was changed since by somebody else stays as it is.
            current = {name: plain(record, name) for name in new} if record else {}
            record.write({n: v for n, v in old.items() if current.get(n) == new[n]})
        self._empty_filled(survivor, journal["filled"])
        for model, ids in journal["created"]:
            self.env[model].browse(ids).exists().unlink()
        self.env.flush_all()
        for model, name, ids in journal["moved"]:
            self.env.execute_query(
                SQL(
                    "UPDATE %s SET %s = %s WHERE id = ANY(%s) AND %s = %s RETURNING id",
                    SQL.identifier(self.env[model]._table),
                    SQL.identifier(name),
                    retired.id,
                    ids,
                    SQL.identifier(name),
                    survivor.id,
                )
            )
        self._refresh_moved(journal)
        retired.write({"active": True, "healthcare_merged_into_id": False})
        self.write(
            {
                "state": "undone",
                "undone_at": fields.Datetime.now(),
                "undone_by_id": self.env.uid,
            }
        )
        pair = (min(retired.id, survivor.id), max(retired.id, survivor.id))
        # Who undoes a merge says that they are two people.
        self.env["healthcare.patient.distinct"]._remember(
            [pair], self.env._("A merge was undone.")
        )
        for patient in retired | survivor:
            patient._message_log(
                body=self.env._("The merge %s was undone.", self.display_name)
            )
        self._tell(survivor, retired, None)
        workflow = self.env["healthcare.workflow.registration"]
        workflow._retell_registration(survivor, None)
        workflow._refresh_clearance({survivor: None})

    def _check_undoable(self):
        self.ensure_one()
        if self.state != "done" or not self.retired_id:
            raise UserError(self.env._("This merge cannot be undone."))
        if self.survivor_id.healthcare_merged_into_id:
            raise UserError(
                self.env._("The survivor was merged again: undo that merge first.")
            )
        later = self.search_count(
            [
                ("survivor_id", "=", self.survivor_id.id),
                ("state", "=", "done"),
                ("id", ">", self.id),
            ],
            limit=1,
        )
        if later:
            raise UserError(
                self.env._(
                    "Another account was merged into the survivor: undo that one first."
                )
            )
        posted = set(self._posted_for(self.survivor_id | self.retired_id))
        if posted - set(self.journal["posted"]):
            raise UserError(
                self.env._(
                    "Entries were posted for the survivor since. Undoing would leave "
                    "them with the wrong patient."
                )
            )

    def _empty_filled(self, survivor, filled):
        known = dict(survivor.healthcare_known_fields or {})
        values = {}
        for part, mark in (filled or {}).items():
            if known.get(part) == mark:
                del known[part]
                values.update(dict.fromkeys(PARTS[part], False))
        if values:
            survivor.write({**values, "healthcare_known_fields": known})
        # What an account merged before had filled is wanted again.
        others = self.search(
            [
                ("survivor_id", "=", survivor.id),
                ("state", "=", "done"),
                ("id", "not in", self.ids),
            ]
        )
        for other in others.filtered("retired_id"):
            self._fill_gaps(other.retired_id, survivor)
