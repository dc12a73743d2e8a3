"""A claim to a payer: what was charged, what became of it, and how it was booked."""

from odoo import api, fields, models

LIVE_PAYMENTS = ("in_process", "paid")


class HealthcareClaim(models.Model):
    """One claim, tied to one invoice of the payer.

    Two clocks make the order of arrival not matter: ``submitted_mark`` is the newest
    submission, ``decided_mark`` the newest decision. The state follows from both: a
    submission newer than a denial or a takeback asks again, one that is newer than an
    adjudication changes nothing of what was booked.
    """

    _name = "healthcare.claim"
    _description = "Claim"
    _order = "id desc"
    _rec_name = "identifier"

    identifier = fields.Char(string="Claim", required=True, readonly=True)
    subject = fields.Char(required=True, readonly=True)
    facility_id = fields.Many2one(
        "healthcare.facility", required=True, readonly=True, index=True
    )
    company_id = fields.Many2one(related="facility_id.company_id", store=True)
    payer_id = fields.Many2one("res.partner", readonly=True)
    patient_id = fields.Many2one("res.partner", readonly=True, index="btree_not_null")
    move_id = fields.Many2one(
        "account.move", string="Invoice", readonly=True, index="btree_not_null"
    )
    state = fields.Selection(
        [
            ("submitted", "Submitted"),
            ("adjudicated", "Adjudicated"),
            ("denied", "Denied"),
        ],
        required=True,
        default="submitted",
        readonly=True,
    )
    decision = fields.Selection(
        [
            ("adjudicated", "Adjudicated"),
            ("denied", "Denied"),
            ("reversed", "Taken Back"),
        ],
        string="Last Decision",
        readonly=True,
    )
    charged = fields.Monetary(readonly=True)
    paid = fields.Monetary(readonly=True)
    adjusted = fields.Monetary(
        string="Adjustments",
        compute="_compute_adjusted",
        store=True,
        help="Written off: what is neither paid nor left to the patient.",
    )
    patient_responsibility = fields.Monetary(readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    remittance = fields.Char(readonly=True)
    remarks = fields.Char(readonly=True, help="Remark codes (RARC).")
    remark_text = fields.Text(string="Remarks in Words", compute="_compute_remark_text")
    adjustment_ids = fields.One2many(
        "healthcare.claim.adjustment", "claim_id", readonly=True
    )
    entry_ids = fields.One2many(
        "account.move", "healthcare_claim_id", string="Entries", readonly=True
    )
    payment_ids = fields.One2many(
        "account.payment", "healthcare_claim_id", string="Payments", readonly=True
    )
    submitted_mark = fields.Char(readonly=True, help="Weight of the last submission.")
    decided_mark = fields.Char(readonly=True, help="Weight of the last decision.")
    known_at = fields.Datetime(readonly=True)

    _subject_unique = models.UniqueIndex("(subject)", "This claim exists already.")

    @api.depends("adjustment_ids.amount", "adjustment_ids.group")
    def _compute_adjusted(self):
        for claim in self:
            claim.adjusted = sum(
                line.amount for line in claim.adjustment_ids if line.group != "PR"
            )

    @api.depends("remarks")
    def _compute_remark_text(self):
        words = self.env["healthcare.adjustment.code"]._words(
            "rarc", {code for claim in self for code in claim._remark_codes()}
        )
        for claim in self:
            claim.remark_text = "\n".join(
                f"{code}: {words.get(code) or self.env._('no text is known')}"
                for code in claim._remark_codes()
            )

    def _remark_codes(self):
        return (self.remarks or "").split()

    # -- what it asks and gets --------------------------------------------------

    @api.model
    def _state_of(self, submitted_mark, decision, decided_mark):
        """Return the state that follows from the newest submission and decision."""
        if decision == "adjudicated":
            return "adjudicated"
        if decision == "denied" and (submitted_mark or "") < decided_mark:
            return "denied"
        return "submitted"

    def _live_entries(self):
        """Return the entries and patient invoices that were not taken back."""
        return self.entry_ids.filtered(
            lambda move: (
                move.state == "posted"
                and move.healthcare_claim_role
                and not move.reversal_move_ids
            )
        )

    def _live_payments(self):
        """Return the payments that were not taken back.

        The remittance books the payer's payment. When the bank tells of the same money
        (``payment.received`` allocated to the claim), it is confirmed with
        :meth:`account.payment._confirm_remittance` and not booked again.
        """
        return self.payment_ids.filtered(
            lambda payment: (
                payment.state in LIVE_PAYMENTS and not payment.move_id.reversal_move_ids
            )
        )

    @api.model
    def _remittance_key(self, number):
        """Return the key that payments wait for which only repeat a remittance."""
        return self.env["healthcare.ordering"]._key("remittance", "", number)

    def _emit_claims(self, events):
        """Tell analytics of claims.

        :param events: ``{claim: event}``
        """
        self.env["healthcare.fact"]._emit(
            "claim",
            [
                {
                    "document": claim,
                    "event": events[claim],
                    "facility": claim.facility_id,
                    "patient": claim.patient_id,
                    "service_line": claim._fact_line(),
                    "values": claim._fact_values(),
                }
                for claim in self.browse().concat(*events)
            ],
        )


class AccountMove(models.Model):
    _inherit = "account.move"

    healthcare_claim_id = fields.Many2one(
        "healthcare.claim",
        string="Claim",
        copy=False,
        readonly=True,
        index="btree_not_null",
    )
    healthcare_claim_role = fields.Selection(
        [("adjustment", "Adjustments"), ("patient", "Patient Responsibility")],
        string="Booked for the Claim",
        copy=False,
        readonly=True,
    )


class AccountPayment(models.Model):
    _inherit = "account.payment"

    healthcare_claim_id = fields.Many2one(
        "healthcare.claim",
        string="Claim",
        copy=False,
        readonly=True,
        index="btree_not_null",
    )
    healthcare_confirmed_key = fields.Char(
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="Keyed hash of the bank's payment that this remittance's money came with.",
    )
    healthcare_reversed_key = fields.Char(
        copy=False,
        readonly=True,
        help="Keyed hash of the reversal that took this payment back.",
    )

    def _confirm_remittance(self, key, reference=None):
        """Note that the bank told of the money a remittance has booked already.

        :param key: subject of the ``payment.received`` event
        :param reference: the payment's number, kept as payment reference
        """
        values = {"healthcare_confirmed_key": key}
        if reference:
            values["payment_reference"] = reference
        self.write(values)

    def _emit_claim_payments(self, events):
        """Tell analytics of payments that remittances booked.

        :param events: ``{payment: event}``
        """
        self.env["healthcare.fact"]._emit(
            "payment",
            [
                {
                    "document": payment,
                    "event": events[payment],
                    "facility": payment.healthcare_facility_id,
                    "patient": payment.healthcare_claim_id.patient_id,
                    "service_line": payment.healthcare_claim_id._fact_line(),
                    "values": payment._healthcare_fact("payer"),
                }
                for payment in self.browse().concat(*events)
            ],
        )
