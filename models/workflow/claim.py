"""Claims: submitted, decided by the payer, denied, taken back.

The decision of a remittance books the payer's payment. A ``payment.received`` that is
allocated to the claim tells of the same money once more: it confirms what is booked and
books nothing, unless it came first; then the decision finds it on the invoice and books
only what is missing. So both orders end in one payment.
"""

from decimal import Decimal

from odoo import Command, api, models

from ..erp.values import stamp


class HealthcareClaimWorkflow(models.AbstractModel):
    _name = "healthcare.workflow.claim"
    _inherit = "healthcare.workflow"
    _description = "Claim Workflow"
    _takes_turns = True

    # -- submitted --------------------------------------------------------------

    @api.model
    def _on_claim_submitted(self, events):
        """Tie invoices to the claims they were sent to payers with."""
        cases = self._read_cases(events)
        stale = []
        for case in cases:
            known = case.claim
            if known and case.mark <= (known.submitted_mark or ""):
                case.event._note_stale()
                case.event._link(known)
                stale.append(case)
        cases = [case for case in cases if case not in stale]
        self._find_invoices(cases)
        cases = self._unparked(cases)
        self._check_charged(cases)
        cases = self._unparked(cases)
        self._write_claims(cases, self._submitted_values)
        for case in cases:
            if case.claim.state != "denied":
                case.event._resolve_issues(case.denial)
        self._tell(cases)

    @api.model
    def _submitted_values(self, case):
        claim = case.claim
        return {
            "submitted_mark": case.mark,
            "charged": claim.charged
            if claim and claim.decision == "adjudicated"
            else float(case.charged),
            "state": claim._state_of(case.mark, claim.decision, claim.decided_mark),
        }

    # -- decided ----------------------------------------------------------------

    @api.model
    def _on_claim_adjudicated(self, events):
        """Book what payers decided: paid, written off, left to the patient."""
        cases = self._newest_decisions(self._read_cases(events))
        takebacks = [case for case in cases if case.paid < 0]
        if takebacks:
            self._take_back(takebacks)
        cases = [case for case in cases if case.paid >= 0]
        for case in cases:
            self._check_balance(case)
        cases = self._unparked(cases)
        self._find_invoices(cases)
        cases = self._unparked(cases)
        self._check_charged(cases)
        cases = self._unparked(cases)
        self._check_shares(cases)
        cases = self._unparked(cases)
        self._posting()._check_accounts(cases)
        cases = self._unparked(cases)
        # A decision that says the same again, by another event, moves no money.
        same = [case for case in cases if self._same_decision(case)]
        anew = [case for case in cases if case not in same]
        self._posting()._reverse(
            [case for case in anew if case.claim.decision == "adjudicated"]
        )
        self._write_claims(cases, self._adjudicated_values)
        self._write_adjustments(anew)
        self._posting()._post(anew)
        for case in cases:
            case.event._resolve_issues(case.denial)
        self._posting()._compare_contract(cases)
        self._tell(cases)

    @api.model
    def _adjudicated_values(self, case):
        return {
            "decision": "adjudicated",
            "decided_mark": case.mark,
            "state": "adjudicated",
            "charged": float(case.charged),
            "paid": float(case.paid),
            "patient_responsibility": float(case.left_to_patient),
            **self._decision_values(case),
        }

    @api.model
    def _on_claim_denied(self, events):
        """Open the work on what payers refused; money they paid before goes back."""
        cases = self._newest_decisions(self._read_cases(events))
        self._find_invoices(cases)
        cases = self._unparked(cases)
        self._posting()._reverse(
            [case for case in cases if case.claim.decision == "adjudicated"]
        )
        self._write_claims(cases, self._denied_values)
        self._write_adjustments(cases)
        codes = self.env["healthcare.adjustment.code"]
        reasons = codes._by_code(
            "carc", {reason for case in cases for _group, reason, _a in case.lines}
        )
        remarks = codes._words(
            "rarc", {code for case in cases for code in case.remarks}
        )
        for case in cases:
            case.event._resolve_issues(case.underpayment)
            if case.claim.state == "denied":
                self._raise_denial(case, reasons, remarks)
        self._tell(cases)

    @api.model
    def _denied_values(self, case):
        claim = case.claim
        return {
            "decision": "denied",
            "decided_mark": case.mark,
            "state": claim._state_of(claim.submitted_mark, "denied", case.mark),
            "charged": float(case.charged),
            "paid": 0.0,
            "patient_responsibility": 0.0,
            **self._decision_values(case),
        }

    @api.model
    def _decision_values(self, case):
        return {
            "remittance": case.data.get("remittance_id") or False,
            "remarks": " ".join(case.remarks) or False,
        }

    @api.model
    def _write_adjustments(self, cases):
        """Keep the adjustments of the decisions that count, all at once."""
        lines = self.env["healthcare.claim.adjustment"]
        lines.search([("claim_id", "in", [case.claim.id for case in cases])]).unlink()
        lines.create(
            [
                {
                    "claim_id": case.claim.id,
                    "group": group,
                    "reason": reason,
                    "amount": float(amount),
                }
                for case in cases
                for group, reason, amount in case.lines
            ]
        )

    @api.model
    def _raise_denial(self, case, reasons, remarks):
        """Open an exception with the payer's reasons in words."""
        category = next(
            (
                reasons[reason].denial_category
                for _group, reason, _amount in case.lines
                if reason in reasons and reasons[reason].denial_category
            ),
            "invoice_mismatch",
        )
        words = [
            f"{group}-{reason}"
            + (f" ({reasons[reason].name})" if reason in reasons else "")
            for group, reason, _amount in case.lines
        ] + [
            code + (f" ({remarks[code]})" if code in remarks else "")
            for code in case.remarks
        ]
        case.event._raise_issue(
            category,
            self.env._(
                "The payer denied the claim: %s.",
                "; ".join(words) or self.env._("no reason was given"),
            ),
            case.denial,
            **case.issue_values(float(case.charged)),
        )

    @api.model
    def _take_back(self, cases):
        """Reverse the decisions that payers take back, exactly as they were booked."""
        for case in cases:
            claim = case.claim
            if claim.decision != "adjudicated":
                case.park(
                    "missing_dependency",
                    self.env._("What the payer takes back was not decided yet."),
                    cause=case.event.subject,
                )
                continue
            given = Decimal(str(claim.paid))
            if claim.currency_id.compare_amounts(float(given), float(-case.paid)):
                difference = abs(given + case.paid)
                case.park(
                    "remittance_out_of_balance",
                    self.env._(
                        "The payer takes back another amount than it paid; the "
                        "difference is %s.",
                        f"{difference:.2f}",
                    ),
                    amount=float(difference),
                )
        cases = self._unparked(cases)
        for case in cases:
            case.move = case.claim.move_id
        self._posting()._reverse(cases)
        self._write_claims(
            cases,
            lambda case: {
                "decision": "reversed",
                "decided_mark": case.mark,
                "state": "submitted",
                "paid": 0.0,
                "patient_responsibility": 0.0,
                "adjustment_ids": [Command.clear()],
                "remarks": False,
                "remittance": case.data.get("remittance_id") or False,
            },
        )
        for case in cases:
            case.event._resolve_issues(case.underpayment)
        self._tell(cases)

    # -- reading ----------------------------------------------------------------

    @api.model
    def _read_cases(self, events):
        """Return what events say, with claim, payer and patient; park what lacks."""
        events = self._without_facility(events)
        cases = [Case(event, stamp(event)) for event in events]
        payers = self._payers_by_code({case.payer_code for case in cases})
        keys = {case: self._patient_keys(case.data) for case in cases}
        patients = self._patients_by_subject(
            {key for ones in keys.values() for key in ones}
        )
        claims = {
            claim.subject: claim
            for claim in self.env["healthcare.claim"].search(
                [("subject", "in", events.mapped("subject"))]
            )
        }
        nobody = self.env["res.partner"]
        for case in cases:
            case.claim = claims.get(case.event.subject, self.env["healthcare.claim"])
            case.payer = payers.get(case.payer_code, nobody)
            case.patient = next(
                (patients[key] for key in keys[case] if key in patients),
                case.claim.patient_id,
            )
            case.patient_keys = keys[case]
            if not case.payer:
                case.park(
                    "missing_payer",
                    self.env._("No payer has the code %s.", case.payer_code),
                    cause=f"payer/{case.payer_code}",
                )
            elif keys[case] and not case.patient:
                case.park(
                    "missing_dependency",
                    self.env._("The patient is not registered yet."),
                    cause=keys[case][0],
                )
        return self._unparked(cases)

    @api.model
    def _unparked(self, cases):
        return [case for case in cases if not case.parked]

    @api.model
    def _newest_decisions(self, cases):
        """Return cases that are newer than what is decided; note the others stale."""
        result = []
        for case in cases:
            if case.mark <= (case.claim.decided_mark or ""):
                case.event._note_stale()
                case.event._link(case.claim)
            else:
                result.append(case)
        return result

    @api.model
    def _check_balance(self, case):
        """Park a decision that does not explain every cent of what was charged."""
        left = sum((a for group, _r, a in case.lines if group == "PR"), Decimal(0))
        told = case.told_responsibility
        explained = case.paid + sum((a for _g, _r, a in case.lines), Decimal(0))
        difference = case.charged - explained
        case.left_to_patient = left
        if difference:
            reason = self.env._(
                "Paid and adjustments differ from what was charged by %s.",
                f"{abs(difference):.2f}",
            )
        elif told is not None and told != left:
            difference = told - left
            reason = self.env._(
                "The patient's responsibility differs from the adjustments of group "
                "PR by %s.",
                f"{abs(difference):.2f}",
            )
        elif left < 0:
            difference = left
            reason = self.env._("Less than nothing is left to the patient.")
        else:
            return
        case.park("remittance_out_of_balance", reason, amount=float(abs(difference)))

    @api.model
    def _same_decision(self, case):
        """Return whether a newer event repeats the decision that is booked."""
        claim = case.claim
        if claim.decision != "adjudicated" or not claim._live_entries() | (
            claim._live_payments().move_id
        ):
            return False
        booked = sorted((a.group, a.reason, a.amount) for a in claim.adjustment_ids)
        told = sorted((g, r, float(a)) for g, r, a in case.lines)
        return (claim.charged, claim.paid, booked) == (
            float(case.charged),
            float(case.paid),
            told,
        )

    # -- writing ----------------------------------------------------------------

    @api.model
    def _posting(self):
        return self.env["healthcare.workflow.claim.posting"]

    @api.model
    def _write_claims(self, cases, values_of):
        """Create new claims at once, and bring the others up to date."""
        new = [case for case in cases if not case.claim]
        values = {case: values_of(case) for case in cases}
        for case in cases:
            if case.claim:
                case.claim.write({**self._link_values(case), **values[case]})
        created = self.env["healthcare.claim"].create(
            [
                {
                    "identifier": case.data["claim"]["id"],
                    "subject": case.event.subject,
                    "facility_id": case.event.facility_id.id,
                    **self._link_values(case),
                    **values[case],
                }
                for case in new
            ]
        )
        for case, claim in zip(new, created, strict=True):
            case.claim = claim

    @api.model
    def _link_values(self, case):
        claim = case.claim
        values = {
            "payer_id": case.payer.id,
            "patient_id": case.patient.id or claim.patient_id.id,
            "known_at": max(
                claim.known_at or case.event.occurred_at, case.event.occurred_at
            ),
        }
        if case.move and not claim._live_entries():
            values["move_id"] = case.move.id
        return values

    @api.model
    def _tell(self, cases):
        """Link documents to events, and tell analytics of the claims."""
        for case in cases:
            case.event._link(case.claim, case.move)
        self.env["healthcare.claim"]._emit_claims(
            {case.claim: case.event for case in cases}
        )


class Case:
    """What one event says of a claim, and what was found for it."""

    def __init__(self, event, mark):
        self.event = event
        self.data = event._content()
        # Two decisions of the same second have an order too.
        self.mark = f"{mark}/{event.external_id or ''}"
        claim = self.data["claim"]
        self.payer_code = self.data["payer"]["code"]
        self.charged = Decimal(claim["charged"])
        self.paid = Decimal(claim.get("paid") or "0")
        told = claim.get("patient_responsibility")
        self.told_responsibility = None if told is None else Decimal(told)
        self.left_to_patient = Decimal(0)
        self.lines = [
            (line["group"], line["reason"], Decimal(line["amount"]))
            for line in claim.get("adjustments") or ()
        ]
        self.remarks = list(dict.fromkeys(claim.get("remarks") or ()))
        self.claim = self.payer = self.patient = None
        self.patient_keys = []
        self.move = event.env["account.move"]
        self.patient_share = 0.0
        self.parked = False

    @property
    def denial(self):
        """Fingerprint of the exception that a denial opens."""
        return f"claim-denied/{self.event.subject}"

    @property
    def underpayment(self):
        """Fingerprint of the exception for less than the contract's price."""
        return f"claim-underpaid/{self.event.subject}"

    def issue_values(self, amount=0.0):
        """Return what an exception about this claim carries."""
        return {
            "patient_id": self.patient.id,
            "payer_id": self.payer.id,
            "amount_at_risk": amount,
            "res_model": "healthcare.claim",
            "res_id": self.claim.id,
        }

    def park(self, category, reason, *, cause=None, amount=None, **values):
        """Leave the event to a person; the amount is what was charged unless given."""
        self.parked = True
        self.event._park(
            category,
            reason,
            cause=cause,
            amount=float(self.charged) if amount is None else amount,
            **{
                "patient_id": self.patient.id if self.patient else False,
                "payer_id": self.payer.id if self.payer else False,
                **values,
            },
        )
