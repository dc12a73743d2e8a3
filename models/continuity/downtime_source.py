"""The source that speaks for what a facility wrote down by hand."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.tools import SQL

NOON = time(12)


class HealthcareSource(models.Model):
    _inherit = "healthcare.source"

    downtime_facility_id = fields.Many2one(
        "healthcare.facility",
        string="By Hand At",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="Its events were written down at this facility while systems were down.",
    )

    _downtime_unique = models.UniqueIndex(
        "(downtime_facility_id) WHERE downtime_facility_id IS NOT NULL",
        "This facility has a source for what is written by hand already.",
    )

    @api.model
    def _downtime_sources(self, facilities):
        """Return ``{facility: source of what is written by hand}``, made if need be.

        Its numbers mean the same as those of the systems that speak for the facility,
        so that an appointment written down by its number is found.
        """
        # Stands in for an administrator: a source that nobody has a key for lets
        # nobody in, and operators must not have to wait for one during a downtime.
        sources = self.sudo().with_context(active_test=False)
        known = {
            source.downtime_facility_id.id: source
            for source in sources.search(
                [("downtime_facility_id", "in", facilities.ids)]
            )
        }
        for facility in facilities:
            if facility.id not in known:
                known[facility.id] = sources.create(
                    {
                        "name": self.env._("Downtime: %s", facility.name),
                        "code": f"downtime-{facility.code.lower()}",
                        "downtime_facility_id": facility.id,
                        "facility_ids": [fields.Command.set(facility.ids)],
                        "namespace": sources._namespace_of(facility),
                    }
                )
        return {facility: known[facility.id] for facility in facilities}

    @api.model
    def _namespace_of(self, facility):
        """Return the namespace of the systems of a facility, when they share one.

        Those that speak for it by name count before those that speak for all.
        """
        others = self.search(
            [
                ("active", "=", True),
                ("downtime_facility_id", "=", False),
                ("facility_ids", "in", [False, facility.id]),
            ]
        )
        own = others.filtered("facility_ids")
        names = set((own or others).mapped("namespace"))
        return names.pop() if len(names) == 1 else "default"

    @api.model
    def _any_downtime(self):
        """Return whether anything was ever written by hand here."""
        rows = self.env.execute_query(
            SQL(
                "SELECT EXISTS (SELECT 1 FROM healthcare_source "
                "WHERE downtime_facility_id IS NOT NULL)"
            )
        )
        return rows[0][0]


class HealthcareFacility(models.Model):
    _inherit = "healthcare.facility"

    def _time_zone(self):
        """Return the name of the time zone that clocks on the wall show here."""
        self.ensure_one()
        # Stands in for the system: where a warehouse is, is no secret of its address.
        facility = self.sudo()
        return (
            facility.warehouse_id.partner_id.tz
            or facility.company_id.partner_id.tz
            or self.env.user.tz
            or "UTC"
        )

    def _moment(self, day, clock=None):
        """Return when the clock at the facility showed this, as an aware datetime.

        Without a time it is noon, or now where noon is still to come.
        """
        zone = ZoneInfo(self._time_zone())
        moment = datetime.combine(day, clock or NOON, zone)
        now = fields.Datetime.now().replace(tzinfo=UTC).astimezone(zone)
        return min(moment, now) if clock is None and day == now.date() else moment

    def _day_bounds(self, day):
        """Return where a day at the facility begins and ends, as naive UTC."""
        zone = ZoneInfo(self._time_zone())
        return tuple(
            datetime.combine(one, time.min, zone).astimezone(UTC).replace(tzinfo=None)
            for one in (day, fields.Date.add(day, days=1))
        )

    def _day_of(self, moment):
        """Return the date at the facility of a naive UTC datetime."""
        zone = ZoneInfo(self._time_zone())
        return moment.replace(tzinfo=UTC).astimezone(zone).date()

    def _record_systems(self):
        """Return ``{facility: URI of who issues its record numbers}``.

        That is whose numbers come first for most patients; facilities share patients,
        so it is the same for all.
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT system FROM (
                    SELECT system FROM healthcare_patient_identifier
                     WHERE system NOT LIKE 'urn:healthcare:downtime:%%'
                     ORDER BY id DESC LIMIT 10000) recent
                GROUP BY system ORDER BY count(*) DESC, system LIMIT 1"""
            )
        )
        system = rows[0][0] if rows else "urn:healthcare:record-number"
        return dict.fromkeys(self, system)
