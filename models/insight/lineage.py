"""Where a fact comes from and where it went, in words, and the way back."""

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import format_datetime

_STEP = Markup(
    '<li class="o_healthcare_step o_healthcare_step_%s">'
    '<i class="fa %s" role="img" aria-label="%s"></i>'
    '<div><span class="o_healthcare_step_kind">%s</span> %s%s</div></li>'
)
_ICONS = {
    "source": "fa-plug",
    "message": "fa-envelope-o",
    "event": "fa-bolt",
    "correction": "fa-pencil",
    "document": "fa-file-text-o",
    "fact": "fa-database",
    "delivery": "fa-paper-plane-o",
}


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    lineage = fields.Html(compute="_compute_lineage", sanitize=False)
    version_count = fields.Integer(string="Versions", compute="_compute_version_count")

    def _compute_version_count(self):
        groups = dict(
            self._read_group([("key", "in", self.mapped("key"))], ["key"], ["__count"])
        )
        for fact in self:
            fact.version_count = groups.get(fact.key, 1)

    def _compute_lineage(self):
        for fact in self:
            steps = Markup().join(fact._lineage_steps())
            fact.lineage = Markup('<ol class="o_healthcare_lineage">%s</ol>') % steps

    def _lineage_steps(self):
        """Return the steps of one fact, the first first, each as what people read.

        What the reader may not see is left out.
        """
        self.ensure_one()
        event = self.event_id._filtered_access("read")
        steps = self._event_steps(event) if event else [self._by_hand()]
        steps.append(self._document_step())
        steps.append(self._fact_step())
        return [*steps, *self._delivery_steps()]

    def _step(self, kind, label, text, note="", record=None, tone="done"):
        """Return one step; ``record`` is what it leads to."""
        if record:
            text = Markup('<a href="%s">%s</a>') % (_address(record), text)
        if note:
            note = Markup('<div class="text-muted small">%s</div>') % note
        return _STEP % (tone, _ICONS[kind], label, label, text, note)

    def _by_hand(self):
        return self._step(
            "source",
            self.env._("Origin"),
            self.env._("Done in Odoo, not by an event"),
        )

    def _event_steps(self, event):
        when = self._moment(event.received_at)
        steps = [self._step("source", self.env._("Source"), event.source_id.name)]
        message = event.message_id._filtered_access("read")
        if message:
            formats = dict(message._fields["format"]._description_selection(self.env))
            kind = f"{formats[message.format]} {message.kind or ''}".strip()
            steps.append(
                self._step(
                    "message",
                    self.env._("Message"),
                    kind,
                    self._moment(message.received_at),
                )
            )
        note = self.env._("received %s", when)
        if event.mapping_label:
            note = self.env._(
                "received %(when)s, read by the mapping %(mapping)s",
                when=when,
                mapping=event.mapping_label,
            )
        steps.append(
            self._step(
                "event", self.env._("Event"), event.type_id.name, note, record=event
            )
        )
        for one in event.correction_ids.sorted("version"):
            steps.append(
                self._step(
                    "correction",
                    self.env._("Corrected"),
                    one.reason,
                    self.env._(
                        "by %(who)s, %(when)s",
                        who=one.user_id.name,
                        when=self._moment(one.create_date),
                    ),
                )
            )
        return steps

    def _document_step(self):
        model = self.env.get(self.res_model)
        label = self.env._("Document")
        if model is None:
            return self._step("document", label, self.res_model or "", tone="gone")
        kind = self.env["ir.model"]._get(self.res_model).name
        record = model.browse(self.res_id).exists()
        if not record:
            return self._step(
                "document",
                label,
                kind,
                self.env._("it is not there any more"),
                tone="gone",
            )
        if self.res_model == "res.partner":
            # The name is for the patient's own form to say.
            return self._step("document", label, self.patient_reference or "")
        if not record.has_access("read"):
            return self._step("document", label, kind)
        return self._step("document", label, record.display_name, kind, record=record)

    def _fact_step(self):
        labels = dict(self._fields["fact_type"]._description_selection(self.env))
        newest = self.env["healthcare.fact"].search(
            [("key", "=", self.key)], order="sequence desc", limit=1
        )
        what = labels[self.fact_type]
        if self.operation == "delete":
            what = self.env._("%s, taken back", what)
        note = self.env._(
            "version %(number)s, written %(when)s",
            number=self.sequence,
            when=self._moment(self.recorded_at),
        )
        if newest.sequence > self.sequence:
            note = self.env._(
                "%(this)s; replaced by version %(newer)s",
                this=note,
                newer=newest.sequence,
            )
        return self._step("fact", self.env._("Fact"), what, note, record=newest - self)

    def _delivery_steps(self):
        label = self.env._("Delivery")
        steps = [
            self._step(
                "delivery",
                label,
                batch.target_id.name,
                self.env._(
                    "delivered %(when)s with %(count)s others, answered %(status)s",
                    when=self._moment(batch.delivered_at),
                    count=max(batch.fact_count - batch.refused_count - 1, 0),
                    status=batch.status_code or "–",
                ),
                record=batch,
            )
            for batch in self.receipt_ids._filtered_access("read")
        ]
        for one in self.delivery_ids._filtered_access("read"):
            batch = one.batch_id
            if one.state == "failed":
                why = one.reason or batch.message or self.env._("given up")
                note, tone = self.env._("not taken: %s", why), "failed"
            else:
                states = dict(one._fields["state"]._description_selection(self.env))
                waits = one.state == "pending"
                note = (
                    self.env._("waits to be delivered") if waits else states[one.state]
                )
                tone = "waiting"
                if waits and batch.attempts:
                    note = self.env._(
                        "on its way, tried %(times)s times: %(message)s",
                        times=batch.attempts,
                        message=batch.message or "",
                    )
            target = one.target_id.name
            steps.append(
                self._step("delivery", label, target, note, record=batch, tone=tone)
            )
        if steps:
            return steps
        text = self.env._("No target takes facts of this kind")
        if self.routed:
            text = self.env._("On its way")
        return [self._step("delivery", label, text, tone="waiting")]

    def _moment(self, moment):
        return format_datetime(self.env, moment) if moment else ""

    def action_open_versions(self):
        """Open all that was told of the same thing."""
        self.ensure_one()
        return self._open_facts([("key", "=", self.key)])

    @api.model
    def _open_facts(self, domain):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_fact"
        )
        action.update(domain=domain, context={})
        return action


class HealthcareDeliveryBatch(models.Model):
    _inherit = "healthcare.delivery.batch"

    @api.depends("target_id")
    def _compute_display_name(self):
        for batch in self:
            batch.display_name = f"{batch.target_id.display_name} #{batch.id}"

    def action_open_facts(self):
        self.ensure_one()
        return self.env["healthcare.fact"]._open_facts([("id", "in", self.facts or [])])


class HealthcareTraced(models.AbstractModel):
    _inherit = "healthcare.traced"

    def action_open_healthcare_facts(self):
        """Open what analytics was told of a document."""
        self.ensure_one()
        return self.env["healthcare.fact"]._open_facts(
            [("res_model", "=", self._name), ("res_id", "=", self.id)]
        )


class HealthcareAppointment(models.Model):
    _inherit = "healthcare.appointment"

    def action_open_healthcare_facts(self):
        """Open what analytics was told of a visit."""
        self.ensure_one()
        return self.env["healthcare.fact"]._open_facts(
            [("res_model", "=", self._name), ("res_id", "=", self.id)]
        )


class ResPartner(models.Model):
    _inherit = "res.partner"

    def action_open_healthcare_facts(self):
        """Open what analytics was told of a patient, by any document.

        :raise AccessError: for who may not see the patient, or facts
        """
        self.ensure_one()
        self.check_access("read")
        self.env["healthcare.fact"].check_access("read")
        return self.env["healthcare.fact"]._open_facts([("partner_id", "=", self.id)])


def _address(record):
    paths = {
        "healthcare.event": "action-healthcare_connector.action_event",
        "healthcare.fact": "healthcare-facts",
        "healthcare.delivery.batch": "healthcare-deliveries",
    }
    return f"/odoo/{paths.get(record._name, record._name)}/{record.id}"
