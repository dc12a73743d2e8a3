"""Sources that used to send and have gone quiet."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL


class HealthcareSource(models.Model):
    _inherit = "healthcare.source"

    expected_silence = fields.Float(
        string="Longest Silence (hours)",
        help="After this time without any event, somebody is told that the source is "
        "silent. Zero: never.",
    )
    silent_since = fields.Datetime(
        readonly=True,
        copy=False,
        help="Set when its silence was noticed, until it is heard again.",
    )

    _silence_positive = models.Constraint(
        "CHECK(expected_silence >= 0)", "The time of silence cannot be negative."
    )

    @api.model
    def _cron_silence(self):
        """Open an exception per source that has been silent for too long."""
        now = fields.Datetime.now()
        watched = self.search(
            [
                ("expected_silence", ">", 0),
                ("paused", "=", False),
                ("silent_since", "=", False),
            ]
        )
        heard = watched._last_heard()
        silent = watched.filtered(
            lambda one: (
                one in heard
                and heard[one] < now - timedelta(hours=one.expected_silence)
            )
        )
        silent._open_silence(
            heard,
            {
                source: self.env._(
                    "%(name)s has sent nothing for more than %(hours)g hours.",
                    name=source.name,
                    hours=source.expected_silence,
                )
                for source in silent
            },
        )

    def _open_silence(self, heard, reasons):
        """Note that sources are silent and tell their owners.

        :param dict heard: when each was last heard
        :param dict reasons: in plain words, what is unusual
        """
        for source in self:
            source.silent_since = heard[source]
        self.env["healthcare.exception"]._open_or_update(
            [
                {
                    "category": "source_silent",
                    "fingerprint": f"silent/{source.id}",
                    "cause_key": f"source/{source.id}",
                    "source_id": source.id,
                    "res_model": source._name,
                    "res_id": source.id,
                    "reason": reasons[source],
                    **source._silence_company(),
                }
                for source in self
            ]
        )

    def _silence_company(self):
        """Return whose queue it belongs in: everybody's unless one company's alone."""
        companies = self.facility_ids.company_id
        if len(companies) != 1:
            return {"company_id": False}
        return {"company_id": companies.id, "currency_id": companies.currency_id.id}

    def _last_heard(self):
        """Return ``{source: time of its last event}``, refused ones included."""
        rows = self.env.execute_query(
            SQL(
                """SELECT s.id, (SELECT max(received_at) FROM healthcare_event e
                    WHERE e.source_id = s.id)
                FROM unnest(%s::int[]) AS s(id)""",
                self.ids,
            )
        )
        return {self.browse(source_id): last for source_id, last in rows if last}

    def _heard(self):
        """Note that the source sends again. Called for every request: cheap."""
        # Stands in for the system: the integration user has no right on anything.
        silent = self.sudo().filtered("silent_since")
        if silent:
            silent.silent_since = False
            self.env["healthcare.exception"]._cause_gone(
                [f"source/{source.id}" for source in silent]
            )

    def write(self, vals):
        result = super().write(vals)
        if {"expected_silence", "paused", "active"} & vals.keys():
            unwatched = self.filtered(
                lambda one: one.paused or not one.active or not one.expected_silence
            )
            unwatched._heard()
        return result
