"""Control totals: what a source says it sent of a day, against what is here."""

import base64
import json

from odoo import api, fields, models
from odoo.exceptions import AccessError

STATES = [("matched", "Matches"), ("missing", "Missing"), ("surplus", "Too Many")]


class HealthcareControlTotal(models.Model):
    """What was told of one day, type and perhaps facility, and how it compares.

    Written by :meth:`_tell` and by the job that compares; nobody changes one by hand.
    """

    _name = "healthcare.control.total"
    _description = "Control Total"
    _order = "day desc, source_id, type_id, id"

    source_id = fields.Many2one(
        "healthcare.source", required=True, readonly=True, ondelete="cascade"
    )
    day = fields.Date(required=True, readonly=True)
    timezone = fields.Char(required=True, readonly=True, default="UTC")
    day_start = fields.Datetime(required=True, readonly=True)
    day_end = fields.Datetime(required=True, readonly=True)
    type_id = fields.Many2one(
        "healthcare.event.type", required=True, readonly=True, ondelete="cascade"
    )
    facility_id = fields.Many2one(
        "healthcare.facility", readonly=True, help="Empty: all of the source's."
    )
    told = fields.Integer(string="Sent", readonly=True, aggregator="sum")
    told_at = fields.Datetime(readonly=True, required=True)
    told_ids = fields.Json(readonly=True, prefetch=False)
    due_at = fields.Datetime(
        string="Due",
        readonly=True,
        required=True,
        help="What is still missing then is somebody's to ask for.",
    )
    state = fields.Selection(STATES, readonly=True, index=True)
    received = fields.Integer(
        readonly=True,
        aggregator="sum",
        help="With ids: those of them that are here. Without: events of this day.",
    )
    done = fields.Integer(readonly=True, aggregator="sum")
    held = fields.Integer(
        string="Held Up", readonly=True, aggregator="sum", help="Open exceptions."
    )
    under_way = fields.Integer(readonly=True, aggregator="sum")
    discarded = fields.Integer(
        readonly=True, aggregator="sum", help="Let be by somebody's decision."
    )
    repeats = fields.Integer(
        readonly=True,
        aggregator="sum",
        help="Events sent again that day, and recognised as known.",
    )
    missing = fields.Integer(readonly=True, aggregator="sum")
    surplus = fields.Integer(string="Too Many", readonly=True, aggregator="sum")
    missing_ids = fields.Json(string="Ids Not Here", readonly=True, prefetch=False)
    missing_text = fields.Text(string="Missing Ids", compute="_compute_missing_text")
    missing_file = fields.Binary(compute="_compute_missing_file")
    has_ids = fields.Boolean(readonly=True)
    compared_at = fields.Datetime(string="Compared", readonly=True)
    raised = fields.Boolean(
        readonly=True, help="Somebody was told; not again unless the totals change."
    )

    # One per key: told again, the later message replaces the earlier one.
    _told_once = models.UniqueIndex(
        "(source_id, day, type_id, COALESCE(facility_id, 0))",
        "This total was told already.",
    )

    @api.depends("source_id", "type_id", "day")
    def _compute_display_name(self):
        for total in self:
            parts = (total.source_id.name, total.type_id.name, str(total.day or ""))
            total.display_name = " · ".join(filter(None, parts))

    def _compute_missing_text(self):
        for total in self:
            total.missing_text = "\n".join((total.missing_ids or [])[:200])

    def _compute_missing_file(self):
        for total in self:
            lines = "".join(f"{one}\r\n" for one in ["id", *(total.missing_ids or [])])
            total.missing_file = base64.b64encode(lines.encode())

    def action_download(self):
        """Download the missing ids as a CSV file."""
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self._name}/{self.id}/missing_file"
            f"?download=true&filename=missing-{self.day}-{self.type_id.code}.csv",
            "target": "download",
        }

    def action_compare(self):
        """Compare now, not only when the job next does."""
        self.check_access("read")
        if not self.env.user.has_group("healthcare_connector.group_operator"):
            raise AccessError(self.env._("Only operators compare control totals."))
        # Stands in for the job that compares: nobody else writes totals.
        self.sudo()._compare()
        return True

    def action_open_events(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_event"
        )
        action["domain"] = [
            ("source_id", "=", self.source_id.id),
            ("type_id", "=", self.type_id.id),
            ("occurred_at", ">=", self.day_start),
            ("occurred_at", "<", self.day_end),
            *([("facility_id", "=", self.facility_id.id)] if self.facility_id else []),
        ]
        action["context"] = {}
        return action

    # -- told -------------------------------------------------------------------

    @api.model
    def _tell(self, source, told):
        """Keep what a source told, and compare it.

        :param told: :class:`~...core.contract.totals.Totals`
        :return: its rows and ``[]``, or none and what is wrong with it
        """
        facility_id = None
        if told.facility is not None:
            known, allowed = self.env["healthcare.intake"]._facilities(source)
            facility_id = known.get(told.facility)
            if not facility_id or (allowed and told.facility not in allowed):
                text = "Names no facility this source may speak for."
                error = {"pointer": "/facility", "code": "unknown_facility"}
                return self.browse(), [{**error, "detail": text}]
        types = self.env["healthcare.event.type"]._ids_by_code()
        now = fields.Datetime.now()
        due = fields.Datetime.add(max(told.end, now), hours=source.totals_hours)
        ids = self.env.cr.execute_values(
            """INSERT INTO healthcare_control_total (source_id, day, timezone,
                day_start, day_end, type_id, facility_id, told, told_ids, has_ids,
                told_at, due_at, raised, create_uid, create_date)
            VALUES %s
            ON CONFLICT (source_id, day, type_id, COALESCE(facility_id, 0))
            DO UPDATE SET timezone = excluded.timezone,
                day_start = excluded.day_start, day_end = excluded.day_end,
                told = excluded.told, told_ids = excluded.told_ids,
                has_ids = excluded.has_ids, told_at = excluded.told_at,
                due_at = CASE WHEN healthcare_control_total.told = excluded.told
                    THEN healthcare_control_total.due_at ELSE excluded.due_at END,
                raised = healthcare_control_total.raised
                    AND healthcare_control_total.told = excluded.told
                    AND healthcare_control_total.told_ids
                        IS NOT DISTINCT FROM excluded.told_ids
            RETURNING id""",
            [
                (
                    source.id,
                    told.day,
                    told.timezone,
                    told.start,
                    told.end,
                    types[code],
                    facility_id,
                    count,
                    None if listed is None else json.dumps(listed),
                    listed is not None,
                    now,
                    due,
                    False,
                    self.env.uid,
                    now,
                )
                for code, (count, listed) in sorted(told.entries.items())
            ],
            page_size=len(told.entries),
            fetch=True,
        )
        rows = self.browse([row[0] for row in ids])
        rows.invalidate_recordset()
        rows._compare()
        return rows.sorted(lambda row: row.type_id.code), []


class HealthcareSource(models.Model):
    _inherit = "healthcare.source"

    totals_hours = fields.Float(
        string="Totals Due After (hours)",
        default=4.0,
        help="So long after the end of a day, or after its control totals were told, "
        "events may still be on their way. Then what is missing becomes an exception.",
    )

    _totals_positive = models.Constraint(
        "CHECK(totals_hours >= 0)", "The time until totals are due cannot be negative."
    )


class HealthcareEvent(models.Model):
    _inherit = "healthcare.event"

    # What totals of a day are compared with.
    _occurred_index = models.Index("(source_id, type_id, occurred_at)")


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _recheck_missing_dependency(self):
        """Totals that match by now, or are told no more."""
        prefix = "total/"
        mine = self.filtered(lambda one: one.fingerprint.startswith(prefix))
        # Stands in for the system: totals are compared by the job.
        totals = self.env["healthcare.control.total"].sudo()
        rows = totals.browse(mine.mapped("res_id")).exists()
        open_ones = rows.filtered(lambda row: row.state != "matched")
        return mine.filtered(lambda one: one.res_id not in open_ones.ids)
