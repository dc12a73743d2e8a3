"""An event, as a message in a vendor's format brought it, in our codes."""

from odoo import fields, models

from ...core.mapping import value_maps


class HealthcareEvent(models.Model):
    _inherit = "healthcare.event"

    message_id = fields.Many2one(
        "healthcare.message",
        readonly=True,
        index="btree_not_null",
        help="The vendor's own message this event was read from.",
    )
    mapping_id = fields.Many2one(
        "healthcare.mapping", readonly=True, index="btree_not_null"
    )
    mapping_label = fields.Char(
        string="Mapped By", readonly=True, help="Mapping and version that made it."
    )

    def _contents(self):
        """Return ``{event id: data}``, in our codes and with patients as we know them.

        A code without a meaning is left as it came, and parks the event.
        """
        known = self.env.cr.postcommit.data.get("healthcare.contents", {})
        fresh = [event_id for event_id in self.ids if event_id not in known]
        contents = super()._contents()
        if fresh:
            self._translate({i: contents[i] for i in fresh if contents.get(i)})
        return contents

    def _translate(self, contents):
        by_source = {}
        for event in self.browse(list(contents)):
            data = contents[event.id]
            if isinstance(data, dict):
                by_source.setdefault(event.source_id.id, []).append(data)
        self.env["healthcare.value.map"]._apply(by_source)
        self.env["healthcare.coverage"]._name_members(
            [
                data
                for ones in by_source.values()
                for data in ones
                if any(
                    identifier["system"].startswith("urn:x12:")
                    for identifier in value_maps.identifiers(data)
                )
            ]
        )

    def action_open_message(self):
        """Open the message this event was read from; being read is recorded."""
        self.ensure_one()
        return self.message_id.action_open_content()
