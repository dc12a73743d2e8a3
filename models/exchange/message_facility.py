"""Which facility messages are about: who is limited to others does not see them."""

from odoo import api, fields, models
from odoo.tools import SQL


class HealthcareMessageBody(models.Model):
    _inherit = "healthcare.message.body"

    facility_id = fields.Many2one(
        "healthcare.facility",
        readonly=True,
        help="Of all that came in it; empty where that is of several, or unknown.",
    )


class HealthcareMessage(models.Model):
    _inherit = "healthcare.message"

    facility_id = fields.Many2one(
        "healthcare.facility",
        readonly=True,
        index="btree_not_null",
        help="That of its body, which is shown whole.",
    )

    def _note_facilities(self):
        """Write down which facility the events of whole bodies are of, if of one."""
        if not self:
            return
        self.env["healthcare.event"].flush_model(["facility_id", "message_id"])
        self.env.execute_query(
            SQL(
                """WITH known AS (
                    SELECT m.body_id, CASE WHEN bool_and(e.facility_id IS NOT NULL)
                        AND min(e.facility_id) = max(e.facility_id)
                        THEN min(e.facility_id) END AS facility_id
                    FROM healthcare_message m
                    LEFT JOIN healthcare_event e ON e.message_id = m.id
                    WHERE m.body_id IN (SELECT body_id FROM healthcare_message
                        WHERE id = ANY(%s))
                    GROUP BY m.body_id
                ), bodies AS (
                    UPDATE healthcare_message_body b SET facility_id = k.facility_id
                    FROM known k WHERE b.id = k.body_id
                    AND b.facility_id IS DISTINCT FROM k.facility_id
                )
                UPDATE healthcare_message m SET facility_id = k.facility_id
                FROM known k WHERE m.body_id = k.body_id
                AND m.facility_id IS DISTINCT FROM k.facility_id RETURNING m.id""",
                self.ids,
            )
        )
        self.invalidate_model(["facility_id"], flush=False)
        self.body_id.invalidate_model(["facility_id"], flush=False)


class HealthcareIntake(models.AbstractModel):
    _inherit = "healthcare.intake"

    @api.model
    def _take(self, source, results, in_force, now):
        taken = super()._take(source, results, in_force, now)
        ids = {result.record_id for result in results}
        self.env["healthcare.message"].browse(sorted(ids))._note_facilities()
        return taken

    @api.model
    def _correct(self, event, envelope, reason):
        result = super()._correct(event, envelope, reason)
        event.message_id._note_facilities()
        return result
