"""The versions of an event type that are taken, and until when."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from odoo import api, fields, models, tools

from ...core.contract import schema, upcast

LATELY = timedelta(days=30)


class HealthcareEventTypeVersion(models.Model):
    _name = "healthcare.event.type.version"
    _description = "Version of an Event Type"
    _order = "type_id, version desc"
    _rec_name = "version"

    type_id = fields.Many2one(
        "healthcare.event.type", required=True, readonly=True, ondelete="cascade"
    )
    version = fields.Char(required=True, readonly=True)
    active = fields.Boolean(
        string="Taken",
        default=True,
        help="Switched off: events of this version are refused and kept as exceptions.",
    )
    deprecated_on = fields.Date(
        string="Outdated Since",
        help="Vendors who send this version are told with every answer.",
    )
    sunset_on = fields.Date(
        string="Taken Until",
        help="The day vendors are told. Nothing is refused by itself: switch the "
        "version off when nobody sends it any more.",
    )
    event_count = fields.Integer(
        string="Events in 30 Days", compute="_compute_event_count", compute_sudo=True
    )

    _version_unique = models.Constraint(
        "UNIQUE(type_id, version)", "This version exists already."
    )
    _dates_in_order = models.Constraint(
        "CHECK(sunset_on IS NULL OR deprecated_on IS NULL"
        " OR sunset_on >= deprecated_on)",
        "A version is outdated before it is no longer taken.",
    )

    def _compute_event_count(self):
        groups = self.env["healthcare.event"]._read_group(
            [
                ("type_id", "in", self.type_id.ids),
                ("received_at", ">=", fields.Datetime.now() - LATELY),
            ],
            ["type_id", "schema_version"],
            ["__count"],
        )
        found = {(type_, version): count for type_, version, count in groups}
        for record in self:
            record.event_count = found.get((record.type_id, record.version), 0)

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.model
    def _sync_registry(self):
        """Have one record for every version there is a schema of."""
        types = self.env["healthcare.event.type"].with_context(active_test=False)
        by_code = {record.code: record for record in types.search([])}
        known = {
            (record.type_id.code, record.version)
            for record in self.with_context(active_test=False).search([])
        }
        self.create(
            [
                {"type_id": by_code[code].id, "version": version}
                for code, version in schema.registry().types()
                if code in by_code and (code, version) not in known
            ]
        )

    @api.model
    @tools.ormcache()
    def _accepted(self):
        """Return ``{code: versions that are taken, the newest first}``."""
        # The catalogue is no secret; asked on behalf of vendors.
        records = self.sudo().search([("active", "=", False)])
        refused = {(record.type_id.code, record.version) for record in records}
        newest = self.env["healthcare.event.type"]._version_by_code()
        accepted = {}
        for code, version in schema.registry().types():
            if (
                code in newest
                and (code, version) not in refused
                and upcast.reaches(code, version, newest[code])
            ):
                accepted.setdefault(code, []).append(version)
        return {
            code: tuple(sorted(versions, key=upcast.order, reverse=True))
            for code, versions in accepted.items()
        }

    @api.model
    @tools.ormcache()
    def _deprecated(self):
        """Return ``{(code, version): (outdated since, taken until)}``, days or None."""
        # The catalogue is no secret; asked on behalf of vendors.
        records = self.sudo().search([("deprecated_on", "!=", False)])
        return {
            (record.type_id.code, record.version): (
                record.deprecated_on,
                record.sunset_on or None,
            )
            for record in records
        }

    @api.model
    def _deprecation_headers(self, envelopes):
        """Return headers that tell of outdated versions among what was sent.

        ``Deprecation`` is RFC 9745's, ``Sunset`` RFC 8594's; of several the earliest
        counts.
        """
        deprecated = self._deprecated()
        if not deprecated:
            return []
        accepted = self._accepted()
        found = {
            upcast.choose(envelope, accepted)
            for envelope in envelopes
            if isinstance(envelope, dict)
        }
        return self._headers_for(found & deprecated.keys())

    @api.model
    def _headers_for(self, versions):
        """Return the headers for ``{(code, version)}``; others are passed over."""
        deprecated = self._deprecated()
        found = sorted(key for key in versions if key in deprecated)
        if not found:
            return []
        since = min(deprecated[key][0] for key in found)
        headers = [("Deprecation", f"@{int(_midnight(since).timestamp())}")]
        until = [deprecated[key][1] for key in found if deprecated[key][1]]
        if until:
            sunset = format_datetime(_midnight(min(until)), usegmt=True)
            headers.append(("Sunset", sunset))
        newest = self.env["healthcare.event.type"]._version_by_code()
        for code, version in found:
            if newest.get(code, version) != version:
                address = f"/healthcare/v1/schemas/{code}/{newest[code]}"
                headers.append(("Link", f'<{address}>; rel="successor-version"'))
        return headers


def _midnight(day):
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
