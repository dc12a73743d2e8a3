"""What a careful integrator writes: look whether it is there, else make it."""

import json

from odoo import models


class HealthcareBenchRegistration(models.AbstractModel):
    _name = "healthcare.bench.registration"
    _inherit = "edi.oca.handler.process"
    _description = "Registration for Benchmarks"

    def register(self, message):
        """Make the patient of a registration event; the job of OCA queue_job."""
        data = message["data"]
        patient = data["patient"]
        identifier = patient["identifiers"][0]
        known = self.env["healthcare.patient.identifier"].search(
            [
                ("system", "=", identifier["system"]),
                ("value", "=", identifier["value"]),
            ]
        )
        if known:
            return known.partner_id
        address = patient["address"]
        country = self.env["res.country"].search([("code", "=", address["country"])])
        state = self.env["res.country.state"].search(
            [("code", "=", address["state"]), ("country_id", "=", country.id)]
        )
        coverages = []
        for one in data["coverages"]:
            payer = self.env["res.partner"].search(
                [("healthcare_payer_code", "=", one["payer"]["code"])]
            )
            coverages.append(
                (
                    0,
                    0,
                    {
                        "payer_id": payer.id,
                        "member_id": one["member_id"],
                        "priority": one["priority"],
                    },
                )
            )
        quiet = {
            "tracking_disable": True,
            "mail_create_nolog": True,
            "mail_create_nosubscribe": True,
        }
        name = patient["name"]
        return (
            self.env["res.partner"]
            .with_context(**quiet)
            .create(
                {
                    "name": f"{name['given'][0]} {name['family']}",
                    "healthcare_is_patient": True,
                    "healthcare_birth_date": patient["birth_date"],
                    "phone": patient["phones"][0],
                    "street": address["lines"][0],
                    "city": address["city"],
                    "zip": address["postal_code"],
                    "state_id": state.id,
                    "country_id": country.id,
                    "healthcare_identifier_ids": [
                        (0, 0, {**identifier, "subject": identifier["value"]})
                    ],
                    "healthcare_coverage_ids": coverages,
                }
            )
        )

    def process(self, exchange_record):
        """Make the patient of an exchange record; the processor of OCA edi_core."""
        self.register(json.loads(exchange_record._get_file_content()))
