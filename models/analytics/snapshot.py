"""Daily figures, told as facts: what they cover, when they are taken, taken again.

A figure of a past day is computed from what Odoo knows now of that day. So the same day
can be taken any number of times: rows that say the same are not told again, others get
a higher sequence, rows that are gone are deleted.
"""

# The driver of the job commits after each day.
# pylint: disable=invalid-commit

from collections import namedtuple
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import facts

LATE_DAYS = 3  # days that are taken again each night, for what is told late
CATCH_UP_DAYS = 31  # at most, after a pause

#: day; its first moment and the first of the next one (naive UTC); the end, or now if
#: that is earlier; IANA name of the time zone; whether the day is over
Window = namedtuple("Window", "day start end covered timezone complete")


class HealthcareSnapshot(models.AbstractModel):
    """Takes snapshots; each type's rows come from a method ``_rows_<type>``.

    Such a method takes facilities of one company and a :class:`Window` and returns
    ``{(facility id, service line id, name): values}``, computed in bulk.
    """

    _name = "healthcare.snapshot"
    _description = "Daily Snapshots"

    @api.model
    def _window(self, company, day):
        """Return the :class:`Window` of a day in a company's time zone."""
        # Stands in for the system: a time zone is no secret.
        name = company.sudo().partner_id.tz or "UTC"
        zone = ZoneInfo(name)
        start, end = (
            datetime.combine(one, time.min, zone).astimezone(UTC).replace(tzinfo=None)
            for one in (day, day + timedelta(days=1))
        )
        now = fields.Datetime.now()
        return Window(day, start, end, min(end, max(now, start)), name, end <= now)

    @api.model
    def _today(self, company):
        zone = ZoneInfo(company.sudo().partner_id.tz or "UTC")
        return datetime.now(UTC).astimezone(zone).date()

    @api.model
    def _take(self, facilities, day, types=facts.SNAPSHOTS):
        """Take the snapshots of one day; return how many facts were told.

        :param facilities: of any companies
        :param day: date, not in the future
        """
        told = 0
        for company, ones in facilities.grouped("company_id").items():
            # Stands in for the system: figures are made from all documents. Names of
            # units and products are the same whoever asks.
            system = self.sudo().with_company(company).with_context(lang=None)
            system.env.flush_all()
            window = system._window(company, day)
            for fact_type in types:
                rows = getattr(system, f"_rows_{fact_type}")(ones.sudo(), window)
                told += system._tell(fact_type, ones.sudo(), window, rows)
        return told

    @api.model
    def _covers(self, window):
        """Return the columns that say what a snapshot covers."""
        return {
            "day": window.day.isoformat(),
            "timezone": window.timezone,
            "covers_from": window.start.isoformat() + "Z",
            "covers_to": window.covered.isoformat() + "Z",
            "complete": window.complete,
        }

    @api.model
    def _tell(self, fact_type, facilities, window, rows, only=None):
        """Emit what is new, and delete what is gone; return how many facts.

        :param rows: see the class
        :param only: names of rows looked at; those of others are left as they are
        """
        by_id = {facility.id: facility for facility in facilities}
        lines = self.env["healthcare.service.line"].browse(
            {line_id for _facility, line_id, _name in rows if line_id}
        )
        codes = {line.id: line.code for line in lines}
        wanted = []
        for (facility_id, line_id, name), values in rows.items():
            facility = by_id[facility_id]
            prefix = f"{fact_type}:{facility.code}:{window.day.isoformat()}"
            parts = [codes.get(line_id, "-")] if fact_type in facts.CELLS else []
            wanted.append(
                {
                    "document": facility,
                    "facility": facility,
                    "service_line": lines.browse(line_id),
                    "key": ":".join([prefix, *parts, str(name or "-")]),
                    "occurred_at": window.covered,
                    "values": {**values, **self._covers(window)},
                }
            )
        fact_model = self.env["healthcare.fact"]
        told = fact_model._emit_changed(
            fact_type, wanted, ignore=() if window.complete else ("covers_to",)
        )
        keys = {row["key"] for row in wanted}
        gone = []
        for facility in facilities:
            prefix = f"{fact_type}:{facility.code}:{window.day.isoformat()}:"
            for key, operation in self._keys_told(prefix):
                name = key.rpartition(":")[2]
                if (
                    operation == "upsert"
                    and key not in keys
                    and (only is None or name in only)
                ):
                    gone.append(
                        {
                            "document": facility,
                            "facility": facility,
                            "key": key,
                            "occurred_at": window.covered,
                            "operation": "delete",
                            "values": {},
                        }
                    )
        fact_model._emit(fact_type, gone)
        return told + len(gone)

    @api.model
    def _keys_told(self, prefix):
        """Return ``[(key, operation)]`` of the newest facts whose key begins so."""
        escaped = prefix.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return self.env.execute_query(
            SQL(
                """SELECT DISTINCT ON (key) key, operation FROM healthcare_fact
                WHERE key LIKE %s AND res_model = 'healthcare.facility'
                ORDER BY key, sequence DESC""",
                escaped + "%",
            )
        )

    # -- by itself ----------------------------------------------------------------

    @api.model
    def _cron_take(self):
        """Take the days that are over, of companies where it is time, a day a step."""
        facilities = self.env["healthcare.facility"].search(
            [("company_id", "!=", False)]
        )
        for company, ones in facilities.grouped("company_id").items():
            last = self._today(company) - timedelta(days=1)
            taken = company.healthcare_snapshot_day
            if taken and taken >= last:
                continue
            first = (taken or last) - timedelta(days=LATE_DAYS - 1 if taken else 0)
            first = max(first, last - timedelta(days=CATCH_UP_DAYS))
            while first <= last:
                self._take(ones, first)
                company.healthcare_snapshot_day = max(taken or first, first)
                self.env["ir.cron"]._commit_progress(1)
                first += timedelta(days=1)


class ResCompany(models.Model):
    _inherit = "res.company"

    healthcare_snapshot_day = fields.Date(
        string="Last Daily Snapshot", readonly=True, copy=False
    )
