"""Exceptions about claims close when the claim says so."""

from odoo import models

PREFIXES = ("claim-denied/", "claim-underpaid/", "claim-overpaid/")
SETTLED = ("paid", "in_payment", "reversed")  # by hand, with whatever was agreed


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _recheck_missing_payer(self):
        return self._recheck_claims()

    def _recheck_payment_mismatch(self):
        return super()._recheck_payment_mismatch() | self._recheck_claims()

    def _recheck_invoice_mismatch(self):
        return self._recheck_claims()

    def _recheck_authorization_gap(self):
        denials = self.filtered(lambda one: one.fingerprint.startswith(PREFIXES))
        others = super(HealthcareException, self - denials)._recheck_authorization_gap()
        return others | denials._recheck_claims()

    def _recheck_claims(self):
        """Denials asked again, revised or settled; differences of claims taken back."""
        mine = self.filtered(lambda one: one.fingerprint.startswith(PREFIXES))
        subjects = [one.fingerprint.partition("/")[2] for one in mine]
        # Stands in for the system: who looks at an exception need not see claims.
        claims = self.env["healthcare.claim"].sudo()
        found = {
            claim.subject: claim
            for claim in claims.search([("subject", "in", subjects)])
        }
        gone = self.browse()
        for one in mine:
            kind, _slash, subject = one.fingerprint.partition("/")
            claim = found.get(subject, claims.browse())
            if kind == "claim-denied":
                settled = claim.move_id.payment_state in SETTLED
                if claim.state != "denied" or settled:
                    gone |= one
            elif claim.state != "adjudicated":
                gone |= one
        return gone
