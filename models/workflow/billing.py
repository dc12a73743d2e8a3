"""Invoices of performed services, made in bulk, to payers and patients.

With a copay of 50.00 billed at service, of 800.00:

====================================  =======================  ======  ======
document                              account                  debit   credit
====================================  =======================  ======  ======
invoice to the payer                  receivable (payer)       750.00
                                      patient transfer          50.00
                                      revenue                          800.00
invoice to the patient                receivable (patient)      50.00
                                      patient transfer                  50.00
====================================  =======================  ======  ======

Revenue is counted once, in the payer's invoice; the transfer account is zero again, as
after a claim that leaves something to the patient.
"""

from datetime import date

from odoo import Command, api, models

from ..erp.values import stamp


class HealthcareWorkflowBilling(models.AbstractModel):
    _name = "healthcare.workflow.billing"
    _description = "Billing Workflow"
    _inherit = "healthcare.workflow"

    # -- before -----------------------------------------------------------------

    @api.model
    def _split(self, cases):
        """Say what the patient is billed at once: the copay, never above the total."""
        for case in cases:
            if case.payer:
                case.copay = self._copay(
                    case.coverage, case.event, case.amount, case.performed_at.date()
                )

    @api.model
    def _copay(self, coverage, event, amount, day):
        """Return what of an amount the patient is billed at once.

        News of after the service, whenever they arrive, are for later services.

        :param event: that told of the service
        """
        facility = event.facility_id
        policy = coverage.payer_id.healthcare_copay_at_service
        told = (coverage.known_fields or {}).get("copay", "").split("/")[1:2]
        if not coverage.copay or amount <= 0 or told > [stamp(event).split("/")[1]]:
            return 0.0
        if policy == "no" or (not policy and not facility.copay_at_service):
            return 0.0
        company = facility.company_id
        copay = coverage.currency_id._convert(
            coverage.copay, company.currency_id, company, day
        )
        return min(copay, company.currency_id.round(amount))

    @api.model
    def _check_accounts(self, cases):
        """Park what an account is missing for."""
        for case in cases:
            facility = case.event.facility_id
            company = facility.company_id
            if case.copay and not company._healthcare_claim_account("transfer"):
                case.park(
                    "invoice_mismatch",
                    self.env._("No account is set for what patients are billed."),
                    cause=f"claim-accounts/{company.id}",
                )
            elif (
                any(self._is_deferred(case, charge) for charge in case.charges)
                and not facility._deferred_account()
            ):
                case.park(
                    "invoice_mismatch",
                    self.env._("No account is set to defer revenue on."),
                    cause=f"deferred-account/{company.id}",
                )

    @api.model
    def _check_period(self, cases):
        """Park services of a locked period, where the facility wants them to wait."""
        locks = {}
        for case in cases:
            facility = case.event.facility_id
            if facility.period_policy != "wait" or facility.invoice_policy != "post":
                continue
            company, day = facility.company_id, case.performed_at.date()
            taxed = any(charge.service.product_id.taxes_id for charge in case.charges)
            key = (company, day, facility.sale_journal_id, taxed)
            if key not in locks:
                locks[key] = company._healthcare_locked_until(
                    day, facility.sale_journal_id or self._sale_journal(), taxed
                )
            if locks[key]:
                case.park(
                    "invoice_mismatch",
                    self.env._(
                        "The books are locked until %s, and the service was performed "
                        "before.",
                        locks[key].isoformat(),
                    ),
                    cause=f"period/{company.id}/{day:%Y-%m}",
                )

    @api.model
    def _sale_journal(self):
        journals = self.env["account.journal"]
        return journals.search(
            [*journals._check_company_domain(self.env.company), ("type", "=", "sale")],
            limit=1,
        )

    @api.model
    def _is_deferred(self, case, charge):
        first, last = case.period()
        return charge.service.recognition == "period" and (
            (last.year, last.month) != (first.year, first.month)
        )

    # -- invoices ---------------------------------------------------------------

    @api.model
    def _invoice(self, cases):
        """Create invoices of completed services all at once, and post them.

        Where the facility wants drafts, finance posts them; what waits for the invoice
        goes on then, see :mod:`..erp.billing.account_move_changes`.

        :param cases: :class:`.service_case.Case` with completion, charges, order lines
        """
        vals_list, owners = [], []
        for case in cases:
            case.invoices = self.env["account.move"]
            if not case.charges:
                continue
            vals_list.append(self._invoice_values(case))
            owners.append(case)
            if case.copay:
                vals_list.append(self._copay_values(case.completion, case.copay))
                owners.append(case)
        moves = self.env["account.move"].create(vals_list)
        posting = moves.browse()
        for case, move in zip(owners, moves, strict=True):
            case.invoices += move
            if case.event.facility_id.invoice_policy == "post":
                posting += move
        posting._post(soft=False)

    @api.model
    def _common_values(self, completion):
        facility = completion.facility_id
        return {
            "move_type": "out_invoice",
            "invoice_date": completion.performed_at.date(),
            "invoice_origin": completion.order_id.name,
            "invoice_user_id": False,
            "currency_id": facility.company_id.currency_id.id,
            **(
                {"journal_id": facility.sale_journal_id.id}
                if facility.sale_journal_id
                else {}
            ),
            "healthcare_patient_id": completion.patient_id.id,
            "healthcare_facility_id": facility.id,
            "healthcare_completion_id": completion.id,
        }

    @api.model
    def _invoice_values(self, case):
        payer = case.payer
        lines = [self._line_values(case, charge) for charge in case.charges]
        if case.copay:
            lines.append(self._transfer_values(case.completion, -case.copay))
        return {
            **self._common_values(case.completion),
            "partner_id": (payer or case.patient).id,
            "partner_shipping_id": case.patient.id,
            "healthcare_responsible": "payer" if payer else "patient",
            "invoice_line_ids": [Command.create(line) for line in lines],
        }

    @api.model
    def _copay_values(self, completion, copay):
        return {
            **self._common_values(completion),
            "partner_id": completion.patient_id.id,
            "healthcare_responsible": "patient",
            "invoice_line_ids": [
                Command.create(self._transfer_values(completion, copay))
            ],
        }

    @api.model
    def _transfer_values(self, completion, amount):
        company = completion.company_id
        return {
            "name": self.env._("Copay")
            if amount > 0
            else self.env._("Copay, billed to the patient"),
            "quantity": 1,
            "price_unit": amount,
            "account_id": company._healthcare_claim_account("transfer").id,
            "tax_ids": [Command.clear()],
            "analytic_distribution": False,
        }

    @api.model
    def _line_values(self, case, charge):
        service = charge.service
        name = service.name
        if charge.modifiers:
            name = f"{name} ({', '.join(charge.modifiers)})"
        first, last = case.period()
        return {
            "product_id": service.product_id.id,
            "name": name,
            "quantity": charge.quantity,
            "price_unit": charge.price,
            "analytic_distribution": self.env["healthcare.workflow.orders"]._analytic(
                case.event.facility_id, service
            ),
            "sale_line_ids": [Command.link(case.lines[service].id)],
            "healthcare_service_from": first,
            "healthcare_service_to": last,
            "healthcare_deferred": self._is_deferred(case, charge),
        }

    @api.model
    def _tell(self, cases):
        """Link and announce invoices, so that money that waited finds them."""
        events = {}
        # Read at once what is looked at one by one below.
        patients = self.env["res.partner"].concat(*(case.patient for case in cases))
        patients.healthcare_identifier_ids.mapped("subject")
        for case in cases:
            case.event._link(case.invoices)
            for invoice in case.invoices.filtered(lambda m: m.state == "posted"):
                events[invoice] = case.event
                case.event._announce(*invoice._healthcare_keys())
        self.env["account.move"]._emit_healthcare_invoices(events)


class HealthcareWorkflow(models.AbstractModel):
    _inherit = "healthcare.workflow"

    @api.model
    def _cause_queries(self):
        return {
            **super()._cause_queries(),
            "deferred-account": "SELECT id::text FROM res_company "
            "WHERE healthcare_deferred_account_id IS NOT NULL AND id = ANY(%s::int[])",
        }

    @api.model
    def _causes_present(self, causes):
        """Months are open when Odoo says so: it knows branches and exceptions."""
        present = super()._causes_present(causes)
        journals = self.env["account.journal"]
        for cause in causes:
            kind, _slash, rest = cause.partition("/")
            if kind != "period":
                continue
            number, _slash, month = rest.partition("/")
            company = self.env["res.company"].browse(int(number)).exists()
            journal = journals.search(
                [*journals._check_company_domain(company), ("type", "=", "sale")],
                limit=1,
            )
            first = date.fromisoformat(f"{month}-01")
            if company and not company._healthcare_locked_until(first, journal):
                present.add(cause)
        return present
