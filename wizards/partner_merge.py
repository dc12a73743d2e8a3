from odoo import models
from odoo.exceptions import UserError


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    """Odoo's own merge of contacts, so that it keeps our records right.

    It moves foreign keys by SQL and does not know that a coverage, a surrogate or a
    reference may be there but once.
    """

    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        self._healthcare_before_merge(src_partners, dst_partner)
        return super()._update_foreign_keys(src_partners, dst_partner)

    def _healthcare_before_merge(self, sources, survivor):
        # Stands in for the system: Odoo has checked who may merge contacts, and moves
        # everything without asking for rights on it.
        merges = self.env["healthcare.patient.merge"].sudo()
        ids = sources.ids + survivor.ids
        for source in sources.sudo():
            discarded = {"moved": [], "values": []}
            merges._merge_coverages(source, survivor.sudo(), discarded)
            numbers = source.healthcare_identifier_ids
            if source.healthcare_is_patient:
                numbers.write({"retired": True, "sequence": 20})
                numbers._add_account_number(
                    source,
                    source.healthcare_account_number
                    if survivor.healthcare_account_number
                    else False,
                    source.healthcare_account_key,
                )
        coverages = merges.env["healthcare.coverage"].with_context(active_test=False)
        # What was merged into the survivor's own of the same payer and number.
        coverages.search([("patient_id", "in", sources.ids)]).unlink()
        surrogates = merges.env["healthcare.surrogate"].search(
            [("partner_id", "in", ids)]
        )
        kept = set(
            surrogates.filtered(lambda one: one.partner_id == survivor).mapped(
                "target_id.id"
            )
        )
        surplus = surrogates.browse()
        for one in surrogates.filtered(lambda one: one.partner_id != survivor):
            if one.target_id.id in kept:
                surplus |= one
            kept.add(one.target_id.id)
        surplus.unlink()
        decisions = merges.env["healthcare.patient.distinct"].search(
            ["|", ("patient_id", "in", ids), ("other_id", "in", ids)], order="id"
        )
        seen, moot = set(), decisions.browse()
        for one in decisions:
            pair = frozenset(survivor.id if i in ids else i for i in one._pair())
            if len(pair) < 2 or pair in seen:
                moot |= one
            seen.add(pair)
        moot.unlink()
        if survivor.healthcare_merged_into_id in sources:
            survivor.sudo().write({"healthcare_merged_into_id": False, "active": True})
        merges.env.flush_all()

    def _update_values(self, src_partners, dst_partner):
        """Hand unique values over: both cannot hold them at once."""
        names = ("healthcare_reference", "healthcare_payer_code")
        taken = {}
        for name in names:
            for source in src_partners:
                if source[name]:
                    taken.setdefault(name, source[name])
                    source.sudo()[name] = False
        self.env.flush_all()
        result = super()._update_values(src_partners, dst_partner)
        dst_partner.sudo().write(
            {name: value for name, value in taken.items() if not dst_partner[name]}
        )
        return result

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        partners = self.env["res.partner"].browse(partner_ids).exists()
        if any(partners.mapped("healthcare_is_patient")):
            self._healthcare_check_second()
        known = {
            one.id: one.healthcare_reference
            for one in partners
            if one.healthcare_is_patient
        }
        return super(
            BasePartnerMergeAutomaticWizard,
            self.with_context(healthcare_references=known),
        )._merge(partner_ids, dst_partner=dst_partner, extra_checks=extra_checks)

    def _healthcare_check_second(self):
        """Refuse to go around the second person whom merging patients needs."""
        if self.env["healthcare.patient.merge"]._second_needed():
            raise UserError(
                self.env._(
                    "Patients are merged with a second person: choose Compare and "
                    "Merge Patients in the list of patients."
                )
            )

    def _log_merge_operation(self, src_partners, dst_partner):
        result = super()._log_merge_operation(src_partners, dst_partner)
        known = self.env.context.get("healthcare_references") or {}
        # Stands in for the system, as above.
        merges = self.env["healthcare.patient.merge"].sudo()
        merges.create(
            [
                {
                    "survivor_id": dst_partner.id,
                    "retired_id": source.id,
                    "survivor_reference": dst_partner.healthcare_reference,
                    "retired_reference": known[source.id],
                    "state": "final",
                }
                for source in src_partners
                if source.id in known
            ]
        )
        if known:
            src_partners.sudo().write({"active": False})
            merges._settle_duplicates(src_partners.ids, dst_partner.sudo())
        return result
