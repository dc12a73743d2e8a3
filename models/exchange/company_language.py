"""In which language the addon writes down what people read later."""

from odoo import models


class ResCompany(models.Model):
    _inherit = "res.company"

    def _healthcare_in_language(self, records):
        """Return records that say things in the language of the company's contact.

        For texts that are stored, such as the reason of an exception: jobs have no
        language, and whoever caused one need not be who reads it.
        """
        # Stands in for the system: everybody may be written to in this language.
        return records.with_context(lang=self.sudo().partner_id.lang)
