"""Merging patients, and undoing it, with a second person.

In production by default: a wrong merge shows one person's record under the name of
another one, on screens that decide on care. In a sandbox one alone may, since often
nobody else is there.
"""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...governance.approval import ADMINISTRATOR, FINANCE

PARAMETER = "healthcare_connector.merge_second_person"
MERGES = ("merge", "unmerge")


class HealthcareApproval(models.Model):
    _inherit = "healthcare.approval"

    kind = fields.Selection(
        selection_add=[("merge", "Merge Patients"), ("unmerge", "Undo a Merge")],
        ondelete={"merge": "cascade", "unmerge": "cascade"},
    )
    survivor_id = fields.Many2one(
        "res.partner", string="Account That Stays", readonly=True, ondelete="cascade"
    )
    retired_id = fields.Many2one(
        "res.partner", string="Account to Retire", readonly=True, ondelete="cascade"
    )
    merge_id = fields.Many2one(
        "healthcare.patient.merge", readonly=True, ondelete="cascade"
    )

    _one_per_merge = models.UniqueIndex(
        "(LEAST(survivor_id, retired_id), GREATEST(survivor_id, retired_id))"
        " WHERE state = 'waiting' AND survivor_id IS NOT NULL",
        "A decision on these two patients waits for approval.",
    )
    _retired_index = models.Index("(retired_id) WHERE retired_id IS NOT NULL")
    _merge_index = models.Index("(merge_id) WHERE merge_id IS NOT NULL")

    @api.model
    def _groups(self):
        may = (FINANCE, ADMINISTRATOR)
        return {**super()._groups(), **dict.fromkeys(MERGES, may)}

    def _alike(self):
        return (*super()._alike(), self.survivor_id, self.retired_id)

    def _reaches(self):
        merges = self.filtered(lambda one: one.kind in MERGES)
        issues = merges.exception_id
        return (
            (merges.survivor_id | merges.retired_id)._healthcare_may_be_merged()
            and (not issues or issues.has_access("write"))
            and super()._reaches()
        )

    def _summarized(self):
        # Stands in for the system: references tell of nobody.
        asked = self.sudo()
        names = {
            "retired": asked.retired_id.healthcare_reference,
            "survivor": asked.survivor_id.healthcare_reference,
        }
        if self.kind == "merge":
            return self.env._("%(retired)s becomes part of %(survivor)s", **names)
        if self.kind == "unmerge":
            return self.env._("%(retired)s leaves %(survivor)s again", **names)
        return super()._summarized()

    def _apply(self, approver):
        result = super()._apply(approver)
        for one in self.filtered(lambda one: one.kind == "merge"):
            pair = (one.retired_id | one.survivor_id).sudo()
            if len(pair) != 2 or pair.healthcare_merged_into_id:
                raise UserError(
                    self.env._("They were merged meanwhile; have it asked anew.")
                )
            merge = one.retired_id.with_user(approver)._healthcare_merge_into(
                one.survivor_id, reason=one.reason, asker=one.requested_by_id
            )
            # Stands in for the system: both names are written by this alone.
            merge.sudo().write(
                {"user_id": one.requested_by_id.id, "agreed_by_id": approver.id}
            )
        for one in self.filtered(lambda one: one.kind == "unmerge"):
            merge = one.merge_id.with_user(approver)
            merge._undo_now(asker=one.requested_by_id)
            merge.sudo().write(  # as above
                {
                    "undone_by_id": one.requested_by_id.id,
                    "undo_agreed_by_id": approver.id,
                }
            )
        return result


class ResPartner(models.Model):
    _inherit = "res.partner"

    def _healthcare_may_be_merged(self):
        """Return whether the user sees all of these, of whatever facility they are.

        Accounts that were merged are archived: rules count for them all the same.
        """
        return self.env.su or self.has_access("read")

    def _healthcare_merge_into(self, survivor, event=None, reason=None, asker=None):
        merges = self.env["healthcare.patient.merge"]
        merges._check_may_merge()
        if not (self | survivor)._healthcare_may_be_merged():
            raise UserError(self.env._("You may not see both of these patients."))
        merges._check_second(asker)
        merge = super()._healthcare_merge_into(survivor, event, reason)
        if merge:
            retired = merge.retired_id.id
            self.env["healthcare.approval"]._over(
                Domain("kind", "=", "merge")
                & (
                    Domain("retired_id", "=", retired)
                    | Domain("survivor_id", "=", retired)
                )
            )
        return merge

    def _healthcare_ask_to_merge(self, survivor, reason, issue):
        """Ask for the approval of making the account ``self`` part of ``survivor``.

        :param issue: the exception it was found by, or none
        """
        self.ensure_one()
        merges = self.env["healthcare.patient.merge"]
        merges._check_may_merge()
        pair = self | survivor
        if not pair._healthcare_may_be_merged():
            raise UserError(self.env._("You may not see both of these patients."))
        if not all(pair.mapped("healthcare_is_patient")):
            raise UserError(self.env._("Only patients can be merged with patients."))
        merges._ask_once(
            Domain("survivor_id", "in", pair.ids) & Domain("retired_id", "in", pair.ids)
            | Domain("exception_id", "in", issue.ids),
            {
                "kind": "merge",
                "survivor_id": survivor.id,
                "retired_id": self.id,
                "subject": f"{self.healthcare_reference} → "
                f"{survivor.healthcare_reference}",
                "exception_id": issue.id,
                "reason": reason,
            },
        )


class HealthcarePatientMerge(models.Model):
    _inherit = "healthcare.patient.merge"

    agreed_by_id = fields.Many2one("res.users", string="Agreed By", readonly=True)
    undo_agreed_by_id = fields.Many2one(
        "res.users", string="Undoing Agreed By", readonly=True
    )
    approval_ids = fields.One2many("healthcare.approval", "merge_id")
    undo_waits = fields.Boolean(compute="_compute_undo_waits")

    @api.depends("approval_ids.state")
    def _compute_undo_waits(self):
        for merge in self:
            merge.undo_waits = "waiting" in merge.approval_ids.mapped("state")

    @api.model
    def _second_needed(self):
        """Return whether a person who merges, or undoes it, needs another one."""
        if self.env.su:  # an event, or the system itself
            return False
        # Stands in for the system: the switch binds those who may not read it.
        chosen = self.env["ir.config_parameter"].sudo().get_param(PARAMETER)
        if chosen in ("always", "never"):
            return chosen == "always"
        return self.env["healthcare.source"]._database_environment() == "production"

    @api.model
    def _check_second(self, asker):
        """Fail unless one alone may merge, or another one asked for it."""
        if self._second_needed() and asker in (None, self.env.user):
            raise UserError(
                self.env._("Another person than who asked for it has to agree.")
            )

    @api.model
    def _ask_once(self, domain, values):
        approvals = self.env["healthcare.approval"]
        if approvals._waits(domain):
            raise UserError(
                self.env._("This waits for approval already: agree to it or decline.")
            )
        return approvals._ask([values])

    def action_undo(self):
        """Undo it, or ask why before another person is asked to agree."""
        self.ensure_one()
        self._check_may_merge()
        if not self._second_needed():
            self._undo_now()
            return True
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Ask to Undo the Merge"),
            "res_model": "healthcare.approval.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_merge_id": self.id},
        }

    def _ask_to_undo(self, reason):
        self.ensure_one()
        self._check_may_merge()
        self._check_sees()
        # Stands in for the system: only whether it can be done is looked at.
        self.sudo()._check_undoable()
        self._ask_once(
            Domain("merge_id", "=", self.id)
            | Domain("survivor_id", "=", self.survivor_id.id)
            & Domain("retired_id", "=", self.retired_id.id),
            {
                "kind": "unmerge",
                "merge_id": self.id,
                "survivor_id": self.survivor_id.id,
                "retired_id": self.retired_id.id,
                "subject": self.display_name,
                "reason": reason,
            },
        )

    def _check_sees(self):
        if not (self.survivor_id | self.retired_id)._healthcare_may_be_merged():
            raise UserError(self.env._("You may not see both of these patients."))

    def _undo_now(self, asker=None):
        self._check_sees()
        self._check_second(asker)
        result = super()._undo_now()
        self.env["healthcare.approval"]._over([("merge_id", "in", self.ids)])
        return result
