"""What a source that speaks HL7 v2, FHIR or X12 needs to be understood."""

from odoo import api, fields, models

from odoo.addons.base.models.res_partner import _tz_get


class HealthcareSource(models.Model):
    _inherit = "healthcare.source"

    default_facility_id = fields.Many2one(
        "healthcare.facility",
        help="Whose events these are where a message does not name a facility. Empty: "
        "the facility of the source, when it speaks for one only.",
    )
    timezone = fields.Selection(
        _tz_get,
        string="Time Zone",
        default=lambda self: self.env.user.tz or "UTC",
        help="Of times in messages that do not say how far they are from UTC.",
    )
    id_system = fields.Char(
        string="Issuer of Patient IDs",
        compute="_compute_id_system",
        store=True,
        readonly=False,
        precompute=True,
        help="What the logical ids of this FHIR server's patients are known by. "
        "Changing it later makes strangers of patients that are known by it.",
    )
    mapping_ids = fields.One2many("healthcare.mapping", "source_id")
    value_map_ids = fields.One2many("healthcare.value.map", "source_id", string="Codes")
    message_count = fields.Integer(
        string="Messages Received", compute="_compute_message_count"
    )
    unsupported_count = fields.Integer(
        string="Not Understood", compute="_compute_message_count"
    )

    @api.depends("code")
    def _compute_id_system(self):
        for source in self:
            # Once given it stays, whatever the source is called later.
            source.id_system = source.id_system or (
                f"urn:fhir:{source.code}" if source.code else False
            )

    def _compute_message_count(self):
        groups = self.env["healthcare.message"]._read_group(
            [("source_id", "in", self.ids)], ["source_id", "state"], ["__count"]
        )
        counts = {}
        for source, state, count in groups:
            total, unsupported = counts.get(source, (0, 0))
            unsupported += count if state == "unsupported" else 0
            counts[source] = total + count, unsupported
        for source in self:
            source.message_count, source.unsupported_count = counts.get(source, (0, 0))

    def _only_facility(self):
        """Return the facility meant where none is named, or none."""
        self.ensure_one()
        if self.default_facility_id:
            return self.default_facility_id
        return (
            self.facility_ids if len(self.facility_ids) == 1 else self.facility_ids[:0]
        )

    def _reader_options(self, format_name, received_at, max_bytes=None):
        """Return what :func:`..formats.incoming.read` is to read a body with.

        :param received_at: naive datetime in UTC
        """
        self.ensure_one()
        options = {"max_bytes": max_bytes or self.max_body_bytes}
        if format_name == "fhir_r4":
            options.update(
                max_depth=self.max_depth,
                id_system=self.id_system or f"urn:fhir:{self.code}",
                received_at=received_at.isoformat(timespec="seconds") + "Z",
                # Mappings are configuration: the integration user reads none.
                also=self.env["healthcare.mapping"].sudo()._own_kinds(self, "fhir_r4"),
            )
        return options

    def action_open_messages(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_message"
        )
        return {**action, "domain": [("source_id", "=", self.id)], "context": {}}

    def action_open_unsupported(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_message_unsupported"
        )
        return {**action, "domain": [("source_id", "=", self.id)], "context": {}}

    def action_open_mappings(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_mapping"
        )
        context = {"default_source_id": self.id}
        return {**action, "domain": [("source_id", "=", self.id)], "context": context}

    def action_open_value_maps(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_value_map"
        )
        context = {"default_source_id": self.id}
        return {**action, "domain": [("source_id", "=", self.id)], "context": context}
