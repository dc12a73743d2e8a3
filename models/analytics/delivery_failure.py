"""Targets that do not take what they should get."""

from odoo import fields, models

GIVE_UP_AFTER = 10  # attempts in a row that a target may fail before somebody is told


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    refused = fields.Boolean(
        readonly=True,
        copy=False,
        help="The last answer said that the same batch will never be taken.",
    )

    def _note_failure(self, message, retry_after=None, refused=False):
        """Count a failure; tell a person of one that does not pass by itself.

        :param refused: the target will not take this batch however often it is sent
        """
        due = super()._note_failure(message, retry_after, refused)
        if self.refused != refused:
            self.refused = refused
        if refused or self.failure_count >= max(GIVE_UP_AFTER, self.breaker_threshold):
            self.env["healthcare.exception"]._open_or_update(
                [self._delivery_issue(message, refused)]
            )
        return due

    def _note_success(self, count):
        result = super()._note_success(count)
        if self.refused:
            self.refused = False
        self._close_delivery_issue()
        return result

    def write(self, vals):
        result = super().write(vals)
        if vals.get("active") is False:
            self._close_delivery_issue()
            for target in self:
                target._close_issues(
                    [("fingerprint", "=like", f"delivery/{target.id}/%")]
                )
        return result

    def _delivery_issue(self, message, refused):
        if refused:
            reason = self.env._(
                "%(target)s refuses what it gets: %(answer)s.",
                target=self.name,
                answer=message,
            )
        else:
            reason = self.env._(
                "%(target)s cannot be reached: %(answer)s.",
                target=self.name,
                answer=message,
            )
        return {
            "category": "delivery_failed",
            "fingerprint": f"delivery/{self.id}",
            "cause_key": f"target/{self.id}",
            "res_model": self._name,
            "res_id": self.id,
            "reason": reason,
        }

    def _close_delivery_issue(self):
        self._close_issues(
            [("fingerprint", "in", [f"delivery/{one.id}" for one in self])]
        )

    def _close_issues(self, domain):
        # Stands in for the system: delivery closes what it opened.
        issues = self.env["healthcare.exception"].sudo()
        issues.search([*domain, ("state", "in", ("open", "assigned"))])._close(
            "resolved", "cause_gone"
        )


class HealthcareDeliveryBatch(models.Model):
    _inherit = "healthcare.delivery.batch"

    def _give_up(self, reason):
        """Set a batch aside for good, by a person's decision; later facts go on."""
        for batch in self:
            facts = batch._fact_ids()
            self.env.cr.execute(
                """UPDATE healthcare_delivery SET state = 'given_up', batch_number = %s
                WHERE target_id = %s AND fact_id = ANY(%s) AND state = 'pending'""",
                [batch.id, batch.target_id.id, facts],
            )
            # What the target has taken meanwhile is not given up.
            taken = batch._take(facts, again=facts)
            if taken:
                batch._note_receipt(
                    batch.status_code, len(taken), 0, facts=taken, message=reason
                )
            else:
                batch.write({"state": "failed", "message": reason})
        self.env["healthcare.delivery"]._forget_cached()


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _delivery_targets(self):
        ids = [one.res_id for one in self if one.category == "delivery_failed"]
        return self.env["healthcare.target"].browse(ids).exists()

    def _refused_reason(self):
        """Return what facts were refused for, or None: it is about the whole target."""
        parts = (self.fingerprint or "").split("/", 2)
        return parts[2] if len(parts) == 3 else None

    def _recheck_delivery_failed(self):
        """Somebody asks to send again now; the answer closes it, or opens it anew."""
        deliveries = self.env["healthcare.delivery"]
        refused = self.filtered(lambda issue: issue._refused_reason())
        for issue in refused:
            deliveries._send_refused_again(
                issue._delivery_targets(), [issue._refused_reason()]
            )
        targets = (self - refused)._delivery_targets()
        targets.action_reset_breaker()
        dormant = targets.filtered(lambda one: not one.active or not one.pending_count)
        return refused | self.filtered(lambda issue: issue.res_id in dormant.ids)

    def _waive(self, reason, asker=None):
        """Who waives a refusal gives up what was refused, so that others go on."""
        mine = self.filtered(lambda one: one.category == "delivery_failed")
        parked = mine.filtered(lambda issue: issue._refused_reason())
        targets = (mine - parked)._delivery_targets().filtered("refused")
        result = super()._waive(reason, asker=asker)
        for issue in parked:
            for target in issue._delivery_targets():
                self.env["healthcare.delivery"]._give_up_refused(
                    target, issue._refused_reason()
                )
        if targets:
            # Stands in for the system: the right to waive was checked above, and
            # batches are written by delivery alone.
            system = targets.sudo()
            self.env["healthcare.delivery.batch"].sudo().search(
                [("target_id", "in", targets.ids), ("state", "=", "open")]
            )._give_up(reason)
            system.refused = False
            system.action_reset_breaker()
        return result
