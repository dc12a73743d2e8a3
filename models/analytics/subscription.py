"""Targets that get events instead of facts: what has come about, as CloudEvents."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...core import strict_json
from ...core.analytics import announcements
from .target import _parts


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    content = fields.Selection(
        [("facts", "Facts"), ("events", "Events")],
        string="Sends",
        required=True,
        default="facts",
        tracking=True,
        help="Facts tell analytics how every document is now. Events tell other "
        "systems, as CloudEvents, that something has come about.",
    )
    event_names = fields.Char(
        string="Events",
        tracking=True,
        help="Names of events to send, separated by commas: invoice.issued, "
        "invoice.paid, payment.posted, stock.shortage, exception.raised, "
        "exception.resolved, appointment.cleared. Empty: all of them.",
    )
    event_source = fields.Char(
        default=lambda self: self._default_event_source(),
        tracking=True,
        help="What events name as their source: a URI that stays the same.",
    )

    @api.model
    def _default_event_source(self):
        # Stands in for the system: reading the database's own number.
        parameters = self.env["ir.config_parameter"].sudo()
        return f"urn:uuid:{parameters.get_param('database.uuid')}"

    @api.constrains("content", "event_names", "event_source")
    def _check_events(self):
        for target in self.filtered(lambda one: one.content == "events"):
            known = announcements.CATALOGUE
            unknown = [name for name in _parts(target.event_names) if name not in known]
            if unknown:
                raise ValidationError(
                    self.env._(
                        "There is no event named %(names)s. There are: %(known)s.",
                        names=", ".join(unknown),
                        known=", ".join(known),
                    )
                )
            if not (target.event_source or "").strip():
                raise ValidationError(self.env._("Events need a source."))

    def _wants_event(self, name):
        wanted = _parts(self.event_names)
        return not wanted or name in wanted

    def _positions_wanted(self, fact_type, names):
        if self.content != "events":
            return super()._positions_wanted(fact_type, names)
        return [
            position
            for position, raised in enumerate(names)
            if any(map(self._wants_event, raised))
        ]

    def _render(self, fact_records):
        documents = super()._render(fact_records)
        if self.content != "events":
            return documents
        return [
            announcements.envelope(
                name, self.event_source.strip(), document, self._event_time(document)
            )
            for fact, document in zip(fact_records, documents, strict=True)
            for name in _parts(fact.event_names)
            if self._wants_event(name)
        ]

    def _written(self, fact_records):
        if self.content == "events":
            return self._render(fact_records)
        return super()._written(fact_records)

    def _event_time(self, document):
        """Return when it came about, unless the policy leaves only the year."""
        recorded = document["recorded_at"]
        return recorded if "T" in recorded else None

    def _content(self, documents):
        if self.content != "events":
            return super()._content(documents)
        return announcements.MEDIA_TYPE, strict_json.dumps(documents)
