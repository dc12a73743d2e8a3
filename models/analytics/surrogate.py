"""What a target knows a patient by."""

import secrets

from odoo import api, fields, models

from ...core.bulk import as_array


class HealthcareSurrogate(models.Model):
    """Random, so that nothing about the patient can be computed back from it.

    45 CFR 164.514(c) forbids a re-identification code derived from patient data: a
    hash, keyed or not, would not do.
    """

    _name = "healthcare.surrogate"
    _description = "Surrogate Key"
    _log_access = False

    target_id = fields.Many2one(
        "healthcare.target", required=True, index=True, ondelete="cascade"
    )
    partner_id = fields.Many2one("res.partner", required=True, ondelete="cascade")
    value = fields.Char(required=True)

    _patient_unique = models.UniqueIndex("(target_id, partner_id)")
    _value_unique = models.UniqueIndex("(value)")

    @api.model
    def _pseudonyms(self, target, partner_ids):
        """Return ``{partner id: keyed pseudonym}``; nothing of it is stored.

        Other targets and other databases have others, and without the keyring nobody
        can compute them. Not for safe harbor: it is derived from the patient.
        """
        keyring = self.env["healthcare.keyring"]
        domain = f"patient/{keyring._database_id()}/{target.id}"
        pseudonym = keyring._get().pseudonym
        return {one: pseudonym(domain, str(one)) for one in partner_ids if one}

    @api.model
    def _shift(self, target, partner_id):
        """Return by how many days a target gets a patient's dates earlier."""
        keyring = self.env["healthcare.keyring"]
        domain = f"shift/{keyring._database_id()}/{target.id}"
        return -1 - int(keyring._get().pseudonym(domain, str(partner_id)), 16) % 364

    @api.model
    def _keys(self, target, partner_ids):
        """Return ``{partner id: surrogate}``, made where there is none yet."""
        partner_ids = {partner_id for partner_id in partner_ids if partner_id}
        if not partner_ids:
            return {}
        found = self._known(target, partner_ids)
        if new := sorted(partner_ids - found.keys()):
            self.env.cr.execute_values(
                """INSERT INTO healthcare_surrogate (target_id, partner_id, value)
                VALUES %s ON CONFLICT (target_id, partner_id) DO NOTHING""",
                [(target.id, pid, secrets.token_hex(16)) for pid in new],
                page_size=len(new),
            )
            found.update(self._known(target, new))
        return found

    @api.model
    def _known(self, target, partner_ids):
        self.env.cr.execute(
            """SELECT partner_id, value FROM healthcare_surrogate
            WHERE target_id = %s AND partner_id = ANY(%s::int[])""",
            [target.id, as_array(partner_ids)],
        )
        return dict(self.env.cr.fetchall())
