"""The same person under two accounts: found, shown to a person, never merged silently.

Who has the same birth date and a given or family name that sounds alike is compared in
full. The codes are stored and indexed, so one query finds the candidates of a whole
batch, and its cost follows the batch and not the number of patients.
"""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ....core.matching import similarity

DEFAULT_THRESHOLD = 85
COMPARED = (
    "name",
    "phone",
    "street",
    "city",
    "zip",
    "active",
    "healthcare_sex",
    "healthcare_match_given",
    "healthcare_match_family",
)


class ResPartner(models.Model):
    _inherit = "res.partner"

    # Not read-only, so that what a batch of new patients brings is not computed again.
    healthcare_match_given = fields.Char(
        compute="_compute_healthcare_match",
        store=True,
        readonly=False,
        copy=False,
        index="btree_not_null",
    )
    healthcare_match_family = fields.Char(
        compute="_compute_healthcare_match",
        store=True,
        readonly=False,
        copy=False,
        index="btree_not_null",
    )

    @api.depends("name", "healthcare_birth_date", "healthcare_is_patient")
    def _compute_healthcare_match(self):
        for partner in self:
            values = {}
            if partner.healthcare_is_patient:
                values = self._healthcare_match_values(
                    partner.name, partner.healthcare_birth_date
                )
            partner.healthcare_match_given = values.get("healthcare_match_given")
            partner.healthcare_match_family = values.get("healthcare_match_family")

    @api.model
    def _healthcare_match_values(self, name, birth_date):
        """Return the codes under which a patient is looked up, none if too little."""
        given, family = similarity.match_codes(name)
        if not (given and birth_date):
            return {}
        day = birth_date.isoformat()
        return {
            "healthcare_match_given": f"{day}/{given}",
            "healthcare_match_family": f"{day}/{family}",
        }

    def write(self, vals):
        result = super().write(vals)
        # By hand; what events change is looked after by their workflow.
        if {"name", "healthcare_birth_date"} & vals.keys() and (
            "healthcare_run" not in self.env.context
        ):
            # Stands in for the system: who may rename a patient need not see the
            # exceptions that this closes.
            self.sudo()._healthcare_open_duplicates()._recheck()
        return result

    def _healthcare_open_duplicates(self):
        """Return the open exceptions that call these patients duplicates."""
        return self.env["healthcare.exception"].search(
            [
                ("category", "=", "duplicate_patient"),
                ("state", "in", ("open", "assigned")),
                "|",
                ("patient_id", "in", self.ids),
                "&",
                ("res_model", "=", "res.partner"),
                ("res_id", "in", self.ids),
            ]
        )

    @api.model
    def _healthcare_duplicate_threshold(self):
        """Return the score, 0 to 1, from which two patients are called alike."""
        # Reading one parameter of ours on behalf of any caller.
        value = (
            self.env["ir.config_parameter"]
            .sudo()
            .get_param("healthcare_connector.duplicate_threshold", DEFAULT_THRESHOLD)
        )
        return int(value) / 100

    def _healthcare_find_duplicates(self):
        """Compare these patients with all others.

        A constant number of statements, whatever the number of patients.

        :return: ``{(lower id, higher id): names of what agrees}`` of pairs that look
            like one person, without those a person has called two people
        """
        threshold = self._healthcare_duplicate_threshold()
        if threshold > 1 or not self:
            return {}
        rows = self._healthcare_candidates()
        by_code = {}
        for row in rows.values():
            for code in {row["given"], row["family"]}:
                by_code.setdefault(code, []).append(row)
        pairs = {}
        for partner_id in self.ids:
            row = rows.get(partner_id)
            if not row:
                continue
            others = {
                other["id"]: other
                for code in (row["given"], row["family"])
                for other in by_code[code]
            }
            for other_id, other in others.items():
                pair = (min(partner_id, other_id), max(partner_id, other_id))
                if other_id == partner_id or pair in pairs:
                    continue
                score, agrees = similarity.score(row, other)
                if score >= threshold:
                    pairs[pair] = agrees
        return self._healthcare_without_decided(pairs)

    def _healthcare_candidates(self):
        """Return ``{partner id: row}`` of these patients and whoever may be the same.

        Read past the record cache: of a hundred thousand patients a few columns of a
        few are wanted.
        """
        partners = self.env["res.partner"]
        partners.flush_model(COMPARED)
        codes = [
            code
            for partner in self
            for code in (
                partner.healthcare_match_given,
                partner.healthcare_match_family,
            )
            if code
        ]
        if not codes:
            return {}
        rows = self.env.execute_query_dict(
            SQL(
                """SELECT id, name, phone, street, city, zip, healthcare_sex AS sex,
                healthcare_match_given AS given, healthcare_match_family AS family
                FROM res_partner WHERE active AND (healthcare_match_given = ANY(%s)
                OR healthcare_match_family = ANY(%s))""",
                codes,
                codes,
            )
        )
        return {row["id"]: row for row in rows}

    @api.model
    def _healthcare_without_decided(self, pairs):
        if not pairs:
            return pairs
        ids = {partner_id for pair in pairs for partner_id in pair}
        # Stands in for the system: a decision counts for whoever finds the pair.
        decided = (
            self.env["healthcare.patient.distinct"]
            .sudo()
            .search([("patient_id", "in", list(ids)), ("other_id", "in", list(ids))])
        )
        for one in decided:
            pairs.pop(one._pair(), None)
        return pairs

    def _healthcare_duplicate_reason(self, agrees):
        """Return why a patient looks like this one, without any of their data."""
        self.ensure_one()
        texts = {
            "same_name": self.env._("same name"),
            "similar_name": self.env._("similar name"),
            "phone": self.env._("same phone"),
            "address": self.env._("same address"),
        }
        return self.env._(
            "Looks like patient %(reference)s: same birth date, %(evidence)s.",
            reference=self.healthcare_reference or self.id,
            evidence=", ".join(texts[name] for name in agrees),
        )

    @api.model
    def _healthcare_duplicate_values(self, pair, agrees):
        """Return the exception fields that tell of a pair; the newer is the subject."""
        low, high = pair
        key = f"duplicate/{low}/{high}"
        return {
            "category": "duplicate_patient",
            "fingerprint": key,
            "cause_key": key,
            "patient_id": high,
            "res_model": "res.partner",
            "res_id": low,
            "reason": self.browse(low)._healthcare_duplicate_reason(agrees),
        }


class HealthcarePatientDistinct(models.Model):
    """Two patients that look alike and are not: decided once, not asked again."""

    _name = "healthcare.patient.distinct"
    _description = "Patients That Are Two People"
    _order = "id desc"

    patient_id = fields.Many2one(
        "res.partner", required=True, readonly=True, ondelete="cascade"
    )
    other_id = fields.Many2one(
        "res.partner", required=True, readonly=True, ondelete="cascade", index=True
    )
    reason = fields.Char(readonly=True)
    user_id = fields.Many2one("res.users", readonly=True)

    _pair_unique = models.UniqueIndex(
        "(LEAST(patient_id, other_id), GREATEST(patient_id, other_id))",
        "This was decided already.",
    )
    _patient_index = models.Index("(patient_id)")

    def _pair(self):
        """Return ``(lower id, higher id)``."""
        self.ensure_one()
        ids = (self.patient_id.id, self.other_id.id)
        return min(ids), max(ids)

    @api.model
    def _remember(self, pairs, reason):
        """Record that the two of each pair are different people."""
        known = {
            one._pair()
            for one in self.search(
                [("patient_id", "in", [i for pair in pairs for i in pair])]
            )
        }
        return self.create(
            [
                {
                    "patient_id": low,
                    "other_id": high,
                    "reason": reason,
                    "user_id": self.env.uid,
                }
                for low, high in set(pairs) - known
            ]
        )


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _duplicate_pair(self):
        """Return ``(lower id, higher id)`` of the patients it is about, or nothing."""
        self.ensure_one()
        kind, _, pair = (self.cause_key or "").partition("/")
        if self.category != "duplicate_patient" or kind != "duplicate":
            return None
        low, high = pair.split("/")
        return int(low), int(high)

    def action_open_merge(self):
        """Compare the two patients side by side."""
        self.ensure_one()
        pair = self._duplicate_pair()
        if not pair:
            raise UserError(self.env._("There are no two patients to compare."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Compare and Merge"),
            "res_model": "healthcare.merge.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_exception_id": self.id,
                "default_left_id": pair[0],
                "default_right_id": pair[1],
            },
        }

    def _waive(self, reason, asker=None):
        """Who waives a probable duplicate says that they are two people."""
        pairs = [
            pair
            for one in self.filtered(lambda one: not one.blocks_event)
            if (pair := one._duplicate_pair())
        ]
        result = super()._waive(reason, asker=asker)
        if pairs:
            # Stands in for the system: rights on the exception were checked above,
            # and decisions are written by this alone.
            self.env["healthcare.patient.distinct"].sudo()._remember(pairs, reason)
        return result

    def _recheck_duplicate_patient(self):
        """The two are one account by now, or do not look alike any more."""
        pairs = {one: pair for one in self if (pair := one._duplicate_pair())}
        ids = {partner_id for pair in pairs.values() for partner_id in pair}
        patients = self.env["res.partner"].browse(ids).exists().filtered("active")
        alike = patients._healthcare_find_duplicates()
        return self.browse([one.id for one, pair in pairs.items() if pair not in alike])
