"""What is wrong with events that were refused: in plain words, and where exactly."""

from odoo import api, fields, models

from ...core.contract import fault_words


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    fault_key = fields.Char(
        readonly=True, help="What refused events have in common: the first fault."
    )
    fault_places = fields.Text(
        string="For the Vendor",
        readonly=True,
        help="Where in the event, as its schema and the vendor's receipt say it.",
    )

    event_rejected = fields.Boolean(
        related="event_id.rejected",
        help="It was refused when it came in and has to be corrected to run.",
    )

    def _fault_name(self):
        """Return what refused events have in common, as the name of a problem."""
        self.ensure_one()
        _fault, _source, _type, code, pattern = self.fault_key.split(":", 4)
        kind, version = self.type_id.code, self.event_id.schema_version
        words = fault_words.sentence(
            {"pointer": pattern, "code": code, "detail": self.reason or ""},
            kind,
            version,
        )
        return " · ".join(filter(None, [self.source_id.name, self.type_id.name, words]))

    @api.model
    def _faults(self, event, errors):
        """Return what is wrong with a refused event in plain words.

        :param errors: list of ``{"pointer", "code", "detail"}``
        """
        kind, version = event.type_id.code, event.schema_version
        return fault_words.sentences(errors, kind, version)

    @api.model
    def _fault_values(self, event, errors):
        """Return the values an exception tells the faults of an event by."""
        first, kind = errors[0], event.type_id.code
        place = fault_words.known_pattern(first["pointer"], kind, event.schema_version)
        key = ["fault", str(event.source_id.id), kind or "", first["code"], place]
        return {
            "reason": self._faults(event, errors),
            "fault_key": ":".join(key),
            "fault_places": "\n".join(
                f"{error['pointer'] or '/'}: {error['detail']}" for error in errors
            ),
        }
