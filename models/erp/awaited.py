"""Master data that events wait for by its code."""

from odoo import api, models


class HealthcareAwaited(models.AbstractModel):
    """Lets go what waited for a code as soon as something active has it.

    A model sets ``_awaited_kind``, the first part of the cause key, and
    ``_awaited_field``, the field that has the code.
    """

    _name = "healthcare.awaited"
    _description = "What Events Wait For"

    _awaited_kind = None
    _awaited_field = "code"

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        if any(vals.get(self._awaited_field) for vals in vals_list):
            records._release_waiting()
        return records

    def write(self, vals):
        result = super().write(vals)
        if {self._awaited_field, "active"} & vals.keys():
            self._release_waiting()
        return result

    def _release_waiting(self):
        self.env["healthcare.exception"]._cause_gone(
            [
                f"{self._awaited_kind}/{record[self._awaited_field]}"
                for record in self
                if record.active and record[self._awaited_field]
            ]
        )
