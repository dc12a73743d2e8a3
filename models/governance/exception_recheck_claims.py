"""Exceptions about claims close when the claim says so."""

from odoo import models

PREFIXES = ("claim-denied/", "claim-underpaid/", "claim-overpaid/")


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _recheck_missing_payer(self):
        return self._recheck_claims()

    def _recheck_payment_mismatch(self):
        return self._recheck_claims()

    def _recheck_invoice_mismatch(self):
        return self._recheck_claims()

    def _recheck_authorization_gap(self):
        denials = self.filtered(lambda one: one.fingerprint.startswith(PREFIXES))
        others = super(HealthcareException, self - denials)._recheck_authorization_gap()
        return others | denials._recheck_claims()

    def _recheck_claims(self):
        """Denials that are asked again or revised; differences of claims taken back."""
        mine = self.filtered(lambda one: one.fingerprint.startswith(PREFIXES))
        # Stands in for the system: who looks at an exception need not see claims.
        states = {
            claim.subject: claim.state
            for claim in self.env["healthcare.claim"]
            .sudo()
            .search(
                [
                    (
                        "subject",
                        "in",
                        [one.fingerprint.partition("/")[2] for one in mine],
                    )
                ]
            )
        }
        wanted = {"claim-denied": "denied"}
        gone = self.browse()
        for one in mine:
            kind, _slash, subject = one.fingerprint.partition("/")
            if states.get(subject) != wanted.get(kind, "adjudicated"):
                gone |= one
        return gone
