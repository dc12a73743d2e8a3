"""Payments and invoices for the tests of money."""

from .workflow_common import WorkflowCase, event


class PaymentCase(WorkflowCase):
    def setUp(self):
        super().setUp()
        self._stock(self.contrast, 5000)

    def treated(self, mrn, *services, **more):
        """Register a patient and perform services, each billed with 800.00."""
        self.play(self.register(mrn, **more.pop("registration", {})))
        self.play(*(self.completed(mrn, one, 60, **more) for one in services))
        return [self.invoice(one) for one in services]

    def invoice(self, service):
        completion = self.env["healthcare.completion"].search(
            [("identifier", "=", service)]
        )
        return completion.invoice_ids

    def recorded(self, number):
        return self.env["account.payment"].search(
            [("healthcare_payment_ref", "=", number)]
        )

    def by_account(self, number, amount, mrn, minute=90, **more):
        allocation = {"account_number": f"ACC-{mrn}", "amount": amount}
        return self.payment(number, amount, minute, allocations=[allocation], **more)

    def by_invoice(self, number, amount, invoice, minute=90, paid=None, **more):
        return self.by_invoices(
            number, paid or amount, {invoice: amount}, minute, **more
        )

    def by_invoices(self, number, paid, amounts, minute=90, **more):
        allocations = [
            {"invoice": invoice.name, "amount": amount}
            for invoice, amount in amounts.items()
        ]
        return self.payment(number, paid, minute, allocations=allocations, **more)

    def reversal(self, received, minute=100):
        return event("payment.reversed", received["data"], time=self.at(minute))

    def pay_by_hand(self, invoices, **values):
        """Register a payment as a user does."""
        wizard = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoices.ids
        )
        return wizard.create(values)._create_payments()

    def facts(self, fact_type, document):
        self.env.cr.flush()
        return self.env["healthcare.fact"].search(
            [
                ("fact_type", "=", fact_type),
                ("res_model", "=", document._name),
                ("res_id", "=", document.id),
            ],
            order="sequence",
        )

    def told(self, fact_type, document):
        """Return the states that analytics were told of, in order."""
        return [
            fact.columns.get("state") if fact.operation == "upsert" else "deleted"
            for fact in self.facts(fact_type, document)
        ]
