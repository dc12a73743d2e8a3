"""Where things are counted: at intake, and after each batch of the engine."""

from odoo import api, models


class HealthcareIntake(models.AbstractModel):
    _inherit = "healthcare.intake"

    @api.model
    def _receive(self, source, items, *args, **kwargs):
        receipts = super()._receive(source, items, *args, **kwargs)
        types = self.env["healthcare.event.type"]._ids_by_code()
        facilities = self._facilities(source)[0]
        kinds = {"accepted": "received"}
        self.env["healthcare.tally"]._add(
            (
                kinds.get(receipt.status, receipt.status),
                source.id,
                types.get(self._told_type(item.envelope)),
                facilities.get(_told_facility(item.envelope)),
                None,
            )
            for item, receipt in zip(items, receipts, strict=True)
        )
        return receipts

    @api.model
    def _told_type(self, envelope):
        """Return the type an envelope names, which may be anything."""
        if not isinstance(envelope, dict) or not isinstance(envelope.get("type"), str):
            return None
        return self._type_code(envelope)[0]


def _told_facility(envelope):
    """Return the facility code an envelope names, which may be anything."""
    data = envelope.get("data") if isinstance(envelope, dict) else None
    code = data.get("facility") if isinstance(data, dict) else None
    return code if isinstance(code, str) else None


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _write_log(self, events, run, dependent, waiting, exhausted, now, started):
        outcomes = super()._write_log(
            events, run, dependent, waiting, exhausted, now, started
        )
        self.env["healthcare.tally"]._add(
            (
                outcome,
                event.source_id.id,
                event.type_id.id,
                event.facility_id.id,
                (now - event.received_at).total_seconds()
                if outcome in ("done", "stale")
                else None,
            )
            for event, outcome in outcomes.items()
        )
        return outcomes
