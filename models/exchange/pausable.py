"""What can be paused: sources, kinds of events and targets tell of it on their form."""

from odoo import api, fields, models

from .pause import IN_LINE, WORKFLOW


class HealthcarePausable(models.AbstractModel):
    """Has a button to pause and a line that says who did it, why and since when.

    A model with a ``paused`` field of its own (see ``_pause_scope``) may also be paused
    by writing it; that, too, is put on record.
    """

    _name = "healthcare.pausable"
    _description = "Can Be Paused"

    # Scope of the pause that the ``paused`` field stands for, and all there are.
    _pause_scope = None
    _pause_scopes = ()

    pause_note = fields.Char(compute="_compute_pause_note")

    def _compute_pause_note(self):
        pauses = self.env["healthcare.pause"]
        found = [pauses._open_ones(scope, self) for scope in self._pause_scopes]
        for record in self:
            notes = [ones[record]._note() for ones in found if record in ones]
            record.pause_note = "\n".join(notes) or False

    def write(self, vals):
        result = super().write(vals)
        if "paused" in vals and self._pause_scope and not self.env.context.get(IN_LINE):
            self._put_on_record(vals)
        return result

    def _put_on_record(self, vals):
        """Make or end the pauses of records whose ``paused`` field was written."""
        pauses = self.env["healthcare.pause"].with_context(**{IN_LINE: True})
        known = pauses._open_ones(self._pause_scope, self)
        name = "source_id" if self._pause_scope == "intake" else "target_id"
        if vals["paused"]:
            reason = vals.get("pause_reason") or self.env._("No reason was given")
            # Stands in for the system: who may write the record may pause it.
            pauses.sudo().create(
                [
                    {"scope": self._pause_scope, name: record.id, "reason": reason}
                    for record in self
                    if record not in known
                ]
            )
        elif known:
            pauses.browse([pause.id for pause in known.values()]).sudo().action_resume()

    def action_pause(self):
        """Ask why and until when, and pause."""
        self.ensure_one()
        return self._open_pause(self._pause_scopes[0])

    def _open_pause(self, scope):
        name = "source_id" if scope == "intake" else f"{scope}_id"
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Pause %s", self.display_name),
            "res_model": "healthcare.pause",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_scope": scope,
                f"default_{name}": self.id,
                "healthcare_scope_known": True,
            },
        }

    def action_resume(self):
        """End all pauses of these records."""
        self.check_access("write")
        pauses = self.env["healthcare.pause"]
        for scope in self._pause_scopes:
            for pause in pauses._open_ones(scope, self).values():
                pause.with_env(self.env).action_resume()
        if self._pause_scope:
            left = self.filtered("paused")  # paused by what leaves no record
            left.write({"paused": False})
        return True


class HealthcareSource(models.Model):
    _name = "healthcare.source"
    _inherit = ["healthcare.source", "healthcare.pausable"]
    _pause_scope = "intake"
    _pause_scopes = ("intake", "source")

    processing_paused = fields.Boolean(compute="_compute_processing_paused")

    def _compute_processing_paused(self):
        known = self.env["healthcare.pause"]._open_ones("source", self)
        for source in self:
            source.processing_paused = source in known

    def action_pause_processing(self):
        """Take in what the source sends, and process it when it is resumed."""
        self.ensure_one()
        return self._open_pause("source")

    def action_resume(self):
        result = super().action_resume()
        self.filtered("pause_reason").write({"pause_reason": False})
        return result


class HealthcareEventType(models.Model):
    _name = "healthcare.event.type"
    _inherit = ["healthcare.event.type", "healthcare.pausable"]
    _pause_scopes = ("type",)

    is_paused = fields.Boolean(compute="_compute_is_paused")

    def _compute_is_paused(self):
        known = self.env["healthcare.pause"]._open_ones("type", self)
        for record in self:
            record.is_paused = record in known

    def _compute_pause_note(self):
        result = super()._compute_pause_note()
        flows = self.env["healthcare.pause"]._open_flows(self)
        for record, pause in flows.items():
            note = self.env._(
                "With its flow %(flow)s. %(note)s",
                flow=pause.display_name,
                note=pause._note(),
            )
            record.pause_note = "\n".join(filter(None, [record.pause_note, note]))
        return result

    def action_pause_flow(self):
        """Ask why and until when, and pause all kinds of events of this flow."""
        self.ensure_one()
        flow = self.workflow.removeprefix(WORKFLOW)
        action = self._open_pause("flow")
        action["name"] = self.env._("Pause the Flow")
        action["context"] = {"default_scope": "flow", "default_flow": flow}
        return action


class HealthcareEvent(models.Model):
    _inherit = "healthcare.event"

    pause_note = fields.Char(compute="_compute_pause_note")

    @api.depends("state", "type_id", "source_id")
    def _compute_pause_note(self):
        held = self.filtered(lambda one: one.state in ("received", "retrying"))
        pauses = self.env["healthcare.pause"]
        kinds = {
            **pauses._open_flows(held.type_id),
            **pauses._open_ones("type", held.type_id),
        }
        sources = pauses._open_ones("source", held.source_id)
        for event in self:
            pause = held & event and (
                kinds.get(event.type_id) or sources.get(event.source_id)
            )
            event.pause_note = pause._note() if pause else False
