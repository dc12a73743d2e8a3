"""Insurance of a patient."""

from odoo import api, fields, models

from ..values import changed, day, moment, newer, number, stamp


class HealthcareCoverage(models.Model):
    _name = "healthcare.coverage"
    _description = "Coverage"
    _order = "patient_id, priority, id"

    patient_id = fields.Many2one(
        "res.partner",
        required=True,
        index=True,
        ondelete="cascade",
        domain="[('healthcare_is_patient', '=', True)]",
    )
    payer_id = fields.Many2one(
        "res.partner",
        required=True,
        index=True,
        domain="[('healthcare_is_payer', '=', True)]",
    )
    member_id = fields.Char(string="Member Number", required=True)
    group_number = fields.Char()
    plan = fields.Char()
    priority = fields.Integer(default=1, help="1 pays first.")
    relationship = fields.Char(help="Of the patient to the insured person.")
    date_from = fields.Date(string="From")
    date_to = fields.Date(string="Until")
    status = fields.Selection(
        [
            ("unverified", "Not Verified"),
            ("active", "Active"),
            ("inactive", "Inactive"),
        ],
        required=True,
        default="unverified",
    )
    verified_at = fields.Datetime(string="Verified")
    known_at = fields.Datetime(help="Time of the newest event about this coverage.")
    known_fields = fields.Json(help="Which event each part comes from.")
    authorization_required = fields.Boolean()
    copay = fields.Monetary()
    deductible_remaining = fields.Monetary()
    currency_id = fields.Many2one(
        "res.currency", default=lambda self: self.env.company.currency_id
    )
    active = fields.Boolean(default=True)

    _coverage_unique = models.UniqueIndex(
        "(patient_id, payer_id, member_id)", "This coverage exists already."
    )

    @api.depends("payer_id", "plan")
    def _compute_display_name(self):
        for coverage in self:
            parts = [coverage.payer_id.name, coverage.plan]
            coverage.display_name = " · ".join(part for part in parts if part)

    def _covers(self, date):
        """Return the coverages that are not known to be void on a date."""
        return self.filtered(
            lambda c: (
                c.status != "inactive"
                and (not c.date_from or c.date_from <= date)
                and (not c.date_to or date <= c.date_to)
            )
        )

    def _first_on(self, date):
        """Return the coverage that pays first on a date, or none."""
        return self._covers(date).sorted(
            lambda c: (c.priority, c.payer_id.healthcare_payer_code or "", c.member_id)
        )[:1]

    # -- written by workflows ---------------------------------------------------

    @api.model
    def _merge(self, rows, touched):
        """Create or update coverages in bulk from what events say of them.

        :param rows: ``(event, patient, coverage data, payer, level)``; what a payer
            verified has a higher level than what a registration said
        :param touched: set that patients whose coverages changed are added to
        :return: ``{(event, patient, payer, member id): coverage}``
        """
        known = self._by_natural_key(rows)
        new, result = {}, {}
        for event, patient, data, payer, level in rows:
            key = (patient.id, payer.id, data["member_id"])
            parts = self._parts(event, data, level)
            mark = stamp(event, level)
            coverage = known.get(key)
            if coverage:
                values, times = newer(coverage.known_fields, mark, parts)
                values = changed(coverage, values)
                if values:
                    touched.add(patient)
                if times != coverage.known_fields:
                    values["known_fields"] = times
                if values:
                    coverage.write(values)
                result[event, *key] = coverage
                continue
            vals = new.setdefault(
                key,
                {
                    "patient_id": patient.id,
                    "payer_id": payer.id,
                    "member_id": data["member_id"],
                    "currency_id": (
                        event.facility_id.company_id or self.env.company
                    ).currency_id.id,
                },
            )
            values, times = newer(vals.get("known_fields"), mark, parts)
            vals.update(values, known_fields=times, known_at=event.occurred_at)
            touched.add(patient)
        created = dict(zip(new, self.create(list(new.values())), strict=True))
        for event, patient, data, payer, _level in rows:
            key = (patient.id, payer.id, data["member_id"])
            if key in created:
                result[event, *key] = created[key]
        return result

    @api.model
    def _by_natural_key(self, rows):
        patients = {patient.id for _event, patient, *_rest in rows}
        return {
            (one.patient_id.id, one.payer_id.id, one.member_id): one
            for one in self.with_context(active_test=False).search(
                [("patient_id", "in", list(patients))]
            )
        }

    @api.model
    def _parts(self, event, data, level):
        parts = {}
        if data.get("period"):
            parts["period"] = {
                "date_from": day(data["period"].get("start")),
                "date_to": day(data["period"].get("end")),
            }
        if data.get("priority") is not None:
            parts["priority"] = {"priority": int(data["priority"])}
        for name in ("group_number", "plan", "relationship"):
            if data.get(name):
                parts[name] = {name: data[name]}
        if data.get("status"):
            parts["status"] = {"status": data["status"]}
        if data.get("authorization_required") is not None:
            parts["authorization_required"] = {
                "authorization_required": data["authorization_required"]
            }
        for name in ("copay", "deductible_remaining"):
            if data.get(name) is not None:
                parts[name] = {name: number(data[name])}
        if data.get("verified_at"):
            parts["verified_at"] = {"verified_at": moment(data["verified_at"])}
        return parts
