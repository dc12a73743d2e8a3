"""What people change in Odoo itself, told once before the transaction commits.

Workflows tell of what they do while an event runs; invoices and payments changed by
hand are told by :mod:`..erp.billing.account_move_changes_told`. Here are visits,
patients with their coverages, authorizations, performed services and stock. What was
told last is compared with what is so now, so that nothing is told twice.
"""

from odoo import api, models

NOTED = "healthcare.facts"  # key in the data of the cursor's precommit hooks
VISIT = {
    "amount_expected",
    "authorization_state",
    "billing_hold",
    "booked_at",
    "clearance",
    "coverage_state",
    "deposit_state",
    "end",
    "facility_id",
    "line_ids",
    "patient_estimate",
    "patient_id",
    "provider",
    "self_pay",
    "start",
    "state",
    "supplies_state",
}
PERMISSION = {
    "appointment_id",
    "date_from",
    "date_to",
    "lapsed",
    "payer_id",
    "service_ids",
    "state",
    "units",
}
PATIENT = {"country_id", "healthcare_birth_date", "healthcare_sex", "zip"}
COVERAGE = {"active", "patient_id", "payer_id", "priority", "status"}


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    @api.model
    def _note(self, kind, ids):
        """Note records that have changed, to be told of at the commit.

        :param kind: name of a model, or ``stock`` with pairs of product and location
        """
        if "healthcare_run" in self.env.context or not ids:
            return  # the workflow tells of it, with its event
        hooks = self.env.cr.precommit
        if NOTED not in hooks.data:
            hooks.data[NOTED] = {}
            # Stands in for the system: who changes a document need not see facts.
            # Nor do facts depend on the language of who does.
            facts = self.sudo().env["healthcare.fact"].with_context(lang=None)
            hooks.add(facts._tell_noted)
        hooks.data[NOTED].setdefault(kind, set()).update(ids)

    @api.model
    def _tell_noted(self):
        noted = self.env.cr.precommit.data.pop(NOTED, None) or {}
        for kind, ids in noted.items():
            if kind == "stock":
                self._tell_stock(ids)
                continue
            records = self.env[kind].browse(sorted(ids)).exists()
            for fact_type, rows in records._changed_fact_rows().items():
                self._emit_changed(fact_type, rows, told_before=True)

    @api.model
    def _tell_stock(self, pairs):
        """Tell of stock that moved; overridden where levels are known."""

    @api.model
    def _emit_changed(self, fact_type, rows, told_before=False, ignore=()):
        """Emit those of the rows that say something new.

        :param told_before: leave out what was never told
        :param ignore: columns whose change alone is no news
        :return: number of rows emitted
        """
        keys = [self._key_of(fact_type, row) for row in rows]
        last = self._newest(keys)
        sealed = last._phi_values()
        known = {
            fact.key: {**(fact.columns or {}), **sealed[fact]}
            for fact in last
            if fact.operation == "upsert"
        }
        whose = {fact.key: fact.partner_id for fact in last}
        fresh = [
            row
            for row, key in zip(rows, keys, strict=True)
            if (key in known or not told_before)
            and (
                key not in known
                or any(
                    known[key].get(name) != value
                    for name, value in row["values"].items()
                    if name not in ignore
                )
                or (row.get("patient") or self.env["res.partner"]) != whose[key]
            )
        ]
        self._emit(fact_type, fresh)
        return len(fresh)


class HealthcareAppointment(models.Model):
    _inherit = "healthcare.appointment"

    def write(self, vals):
        result = super().write(vals)
        if VISIT & vals.keys():
            self.env["healthcare.fact"]._note(self._name, self.ids)
        return result

    def unlink(self):
        if "healthcare_run" not in self.env.context:
            # Stands in for the system: who deletes a visit need not see facts.
            self.env["healthcare.fact"].sudo()._withdraw("appointment", self, None)
        return super().unlink()

    def _changed_fact_rows(self):
        return {"appointment": self._fact_rows(dict.fromkeys(self))}


class HealthcareAppointmentService(models.Model):
    _inherit = "healthcare.appointment.service"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._note_visits()
        return lines

    def write(self, vals):
        result = super().write(vals)
        self._note_visits()
        return result

    def unlink(self):
        self._note_visits()
        return super().unlink()

    def _note_visits(self):
        visits = self.appointment_id
        self.env["healthcare.fact"]._note(visits._name, visits.ids)


class HealthcareAuthorization(models.Model):
    _inherit = "healthcare.authorization"

    def write(self, vals):
        result = super().write(vals)
        if PERMISSION & vals.keys():
            self.env["healthcare.fact"]._note(self._name, self.ids)
        return result

    def unlink(self):
        if "healthcare_run" not in self.env.context:
            # Stands in for the system, as above.
            self.env["healthcare.fact"].sudo()._withdraw("authorization", self, None)
        return super().unlink()

    def _changed_fact_rows(self):
        return {"authorization": self._fact_rows(dict.fromkeys(self))}


class ResPartner(models.Model):
    _inherit = "res.partner"

    def write(self, vals):
        result = super().write(vals)
        if PATIENT & vals.keys():
            patients = self.filtered("healthcare_is_patient")
            self.env["healthcare.fact"]._note(self._name, patients.ids)
        return result

    def _changed_fact_rows(self):
        """Return rows of patients; where they registered, analytics knows already."""
        last = self.env["healthcare.fact"]._latest({(self._name, i) for i in self.ids})
        facilities = {
            fact.res_id: fact.facility_id
            for fact in last
            if fact.fact_type == "registration"
        }
        values_of = self.env["healthcare.workflow.registration"]._registration_values
        return {
            "registration": [
                {
                    "document": patient,
                    "facility": facilities[patient.id],
                    "patient": patient,
                    "values": values_of(patient),
                }
                for patient in self
                if patient.id in facilities
            ]
        }


class HealthcareCoverage(models.Model):
    _inherit = "healthcare.coverage"

    @api.model_create_multi
    def create(self, vals_list):
        coverages = super().create(vals_list)
        coverages._note_patients()
        return coverages

    def write(self, vals):
        noted = bool(COVERAGE & vals.keys())
        if noted:
            self._note_patients()
        result = super().write(vals)
        if noted:
            self._note_patients()
        return result

    def unlink(self):
        self._note_patients()
        return super().unlink()

    def _note_patients(self):
        patients = self.patient_id
        self.env["healthcare.fact"]._note(patients._name, patients.ids)


class HealthcareCompletion(models.Model):
    _inherit = "healthcare.completion"

    def _changed_fact_rows(self):
        return self.filtered(lambda one: not one.superseded)._fact_rows({})


class AccountMove(models.Model):
    _inherit = "account.move"

    @api.model
    def _healthcare_tell_changes(self, move_ids, payment_ids):
        moves = self.browse(sorted(move_ids)).exists()
        # A credit note changes what an invoice earned, reconciled with it or not.
        moves |= moves.reversed_entry_id
        result = super()._healthcare_tell_changes(set(moves.ids), payment_ids)
        completions = moves.healthcare_completion_id
        self.env["healthcare.fact"]._note(completions._name, completions.ids)
        return result


class StockMove(models.Model):
    _inherit = "stock.move"

    def _action_done(self, cancel_backorder=False):
        done = super()._action_done(cancel_backorder=cancel_backorder)
        if "healthcare_run" not in self.env.context:
            # Stands in for the system: who moves goods need not see services.
            moves = done.sudo()
            moves |= moves.origin_returned_move_id
            completions = moves.picking_id.healthcare_completion_id
            facts = moves.env["healthcare.fact"]
            facts._note(completions._name, completions.ids)
            facts._note(
                "stock",
                {
                    (move.product_id.id, location.id)
                    for move in done
                    for location in move.location_id | move.location_dest_id
                    if location.usage == "internal" and move.product_id.is_storable
                },
            )
        return done
