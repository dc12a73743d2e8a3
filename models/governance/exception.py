"""The exception queue: everything that needs a person, with what it costs."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

CATEGORIES = [
    ("missing_payer", "Missing Payer"),
    ("authorization_gap", "Authorization Gap"),
    ("stock_shortage", "Stock Shortage"),
    ("invoice_mismatch", "Invoice Mismatch"),
    ("payment_mismatch", "Payment Mismatch"),
    ("remittance_out_of_balance", "Remittance Out of Balance"),
    ("duplicate_service", "Duplicate Service"),
    ("duplicate_patient", "Duplicate Patient"),
    ("delayed_payment", "Delayed Payment"),
    ("unmapped_code", "Unmapped Code"),
    ("schema_mismatch", "Unreadable Event"),
    ("missing_dependency", "Missing Information"),
    ("retry_exhausted", "Technical Failure"),
    ("delivery_failed", "Delivery Failed"),
    ("source_silent", "Source Silent"),
]
OPEN_STATES = ("open", "assigned")
SET_BY_PEOPLE = {"user_id", "deadline"}


class HealthcareException(models.Model):
    _name = "healthcare.exception"
    _description = "Exception"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "deadline, id"
    _check_company_auto = True

    name = fields.Char(string="Number", readonly=True, default="/", copy=False)
    category = fields.Selection(CATEGORIES, required=True, readonly=True, index=True)
    state = fields.Selection(
        [
            ("open", "Open"),
            ("assigned", "Assigned"),
            ("resolved", "Resolved"),
            ("waived", "Waived"),
        ],
        required=True,
        default="open",
        readonly=True,
        tracking=True,
        group_expand=True,
    )
    is_open = fields.Boolean(compute="_compute_is_open", search="_search_is_open")
    fingerprint = fields.Char(
        required=True, readonly=True, help="What keeps this from being opened twice."
    )
    cause_key = fields.Char(
        readonly=True,
        index="btree_not_null",
        help="What has to appear for this to resolve by itself.",
    )
    reason = fields.Char(readonly=True, help="What happened, in plain words.")
    next_step = fields.Text(compute="_compute_next_step")
    event_id = fields.Many2one("healthcare.event", readonly=True, index=True)
    blocks_event = fields.Boolean(
        readonly=True, help="The event waits until this is solved."
    )
    source_id = fields.Many2one("healthcare.source", readonly=True, index=True)
    type_id = fields.Many2one("healthcare.event.type", readonly=True)
    facility_id = fields.Many2one("healthcare.facility", readonly=True, index=True)
    company_id = fields.Many2one("res.company", readonly=True, index=True)
    patient_id = fields.Many2one("res.partner", readonly=True, index="btree_not_null")
    patient_reference = fields.Char(
        related="patient_id.healthcare_reference", string="Patient Reference"
    )
    payer_id = fields.Many2one("res.partner", readonly=True)
    product_id = fields.Many2one(
        "product.product",
        string="Missing Product",
        readonly=True,
        index="btree_not_null",
        help="Of a shortage; the first, where several are missing.",
    )
    appointment_id = fields.Many2one(
        "healthcare.appointment", readonly=True, index="btree_not_null"
    )
    appointment_start = fields.Datetime(related="appointment_id.start")
    res_model = fields.Char(readonly=True)
    res_id = fields.Many2oneReference(model_field="res_model", readonly=True)
    amount_at_risk = fields.Monetary(readonly=True, aggregator="sum")
    currency_id = fields.Many2one(
        "res.currency",
        required=True,
        readonly=True,
        default=lambda self: self.env.company.currency_id,
    )
    user_id = fields.Many2one("res.users", string="Owner", tracking=True, index=True)
    deadline = fields.Datetime(string="Due", index=True)
    is_overdue = fields.Boolean(compute="_compute_is_overdue")
    opened_at = fields.Datetime(
        readonly=True, required=True, default=fields.Datetime.now
    )
    resolved_at = fields.Datetime(readonly=True)
    resolved_by_id = fields.Many2one("res.users", readonly=True)
    resolution = fields.Selection(
        [
            ("cause_gone", "Cause Disappeared"),
            ("retried", "Retried"),
            ("corrected", "Corrected and Replayed"),
            ("waived", "Waived"),
            ("superseded", "Replaced by a Resend"),
        ],
        readonly=True,
    )
    waive_reason = fields.Char(readonly=True)
    waiting_count = fields.Integer(
        string="Events Waiting", compute="_compute_waiting_count"
    )
    log_ids = fields.One2many(related="event_id.log_ids", string="History")

    _open_unique = models.UniqueIndex(
        "(fingerprint) WHERE state IN ('open', 'assigned')",
        "This exception is open already.",
    )
    # Holds all that queues are counted and summed by.
    _open_index = models.Index(
        "(category, facility_id) INCLUDE (state, source_id, company_id, currency_id, "
        "user_id, amount_at_risk, deadline) WHERE state IN ('open', 'assigned')"
    )

    # -- computed ---------------------------------------------------------------

    @api.depends("state")
    def _compute_is_open(self):
        for record in self:
            record.is_open = record.state in OPEN_STATES

    def _search_is_open(self, operator, value):
        if operator != "in":
            return NotImplemented
        if True in value and False in value:
            return []
        return [("state", "in" if True in value else "not in", OPEN_STATES)]

    @api.depends("deadline", "state")
    def _compute_is_overdue(self):
        now = fields.Datetime.now()
        for record in self:
            record.is_overdue = bool(
                record.is_open and record.deadline and record.deadline < now
            )

    @api.depends("category")
    @api.depends_context("lang")
    def _compute_next_step(self):
        steps = self._next_steps()
        for record in self:
            record.next_step = steps.get(record.category)

    @api.model
    def _next_steps(self):
        return {
            "missing_payer": self.env._(
                "Map It Now: say which payer the source means by this code; or create "
                "the payer with this code. Everything that waits for it goes on by "
                "itself."
            ),
            "authorization_gap": self.env._(
                "Ask the payer for approval, or agree self-payment with the patient."
            ),
            "stock_shortage": self.env._(
                "Confirm the replenishment order, move stock from another facility, "
                "or count the stock."
            ),
            "invoice_mismatch": self.env._(
                "Open the invoice and mend what Odoo refused."
            ),
            "payment_mismatch": self.env._(
                "Find the invoice this money is for, correct the allocation and replay."
            ),
            "remittance_out_of_balance": self.env._(
                "Ask the payer for a corrected remittance, or correct the amounts."
            ),
            "duplicate_service": self.env._(
                "Check which completion is right; waive this one if it is a repeat."
            ),
            "duplicate_patient": self.env._("Compare the two patients and merge them."),
            "delayed_payment": self.env._("Ask the payer for the status of the claim."),
            "unmapped_code": self.env._(
                "Map It Now: say which service or product the source means by this "
                "code; or create one with this code. Everything that waits for it goes "
                "on by itself."
            ),
            "schema_mismatch": self.env._(
                "Correct the named fields and replay, or ask the vendor to resend."
            ),
            "missing_dependency": self.env._(
                "Usually nothing: it goes on by itself when the missing event arrives. "
                "Past the due time, ask the sending system for it."
            ),
            "retry_exhausted": self.env._(
                "Tell your administrator. It is tried again by itself every hour; "
                "retry when the technical problem is solved."
            ),
            "delivery_failed": self.env._(
                "Look at the target and retry. It closes by itself when the target "
                "takes what is sent; waiving gives up what it refuses for good."
            ),
            "source_silent": self.env._(
                "Ask the vendor whether its interface is running. It closes by itself "
                "with the next event."
            ),
        }

    def _compute_waiting_count(self):
        for record in self:
            record.waiting_count = (
                record.event_id._waiting_behind_count() if record.blocks_event else 0
            )

    @api.model_create_multi
    def create(self, vals_list):
        if not vals_list:
            return self.browse()
        policies = self.env["healthcare.exception.policy"]._rules()
        unnamed = [vals for vals in vals_list if vals.get("name", "/") == "/"]
        numbers = self.env["healthcare.workflow"]._sequence_numbers(
            "healthcare.exception", len(unnamed)
        )
        for vals, number in zip(unnamed, numbers, strict=True):
            vals["name"] = number
        now = fields.Datetime.now()
        for vals in vals_list:
            owner_id, hours = policies.decide(vals)
            vals.setdefault("deadline", now + timedelta(hours=hours))
            if not vals.get("user_id"):
                vals["user_id"] = owner_id
        records = super().create(vals_list)
        self.env["healthcare.exception.cause"]._wake()
        return records

    def write(self, vals):
        if not self.env.su:
            self._check_set_by_people(vals)
        return super().write(vals)

    @api.model
    def _check_set_by_people(self, vals):
        """Refuse to let a person set what only what he does may change.

        A decision written straight into the state would leave no record, no fact, and
        the event held back for ever.
        """
        mixins = ("message_", "activity_")
        for name in vals:
            if name not in SET_BY_PEOPLE and not name.startswith(mixins):
                raise AccessError(
                    self.env._("This is changed by deciding on the exception.")
                )

    # -- what people do ---------------------------------------------------------
    # Where they write below, it stands in for the system, after the right to change
    # the exception has been checked: what these methods set is set in no other way.

    def action_assign_to_me(self):
        self._check_open()
        self.sudo().write({"user_id": self.env.uid, "state": "assigned"})

    def _hand_over(self, user, note=None, tell=True):
        """Give exceptions to another person, who is told once of all of them.

        :param tell: False when somebody else tells of these and more
        """
        self._check_open()
        # One message for many, instead of Odoo's own for each.
        quiet = self.with_context(mail_auto_subscribe_no_notify=True)
        quiet.sudo().write({"user_id": user.id, "state": "assigned"})
        self._message_log_batch(
            bodies=dict.fromkeys(self.ids, self.env._("Handed over. %s", note or ""))
        )
        if tell:
            self._tell_owner(note)

    def action_retry(self):
        """Run the events again, or look again whether the cause is gone."""
        self._check_open()
        self._note_decision("released", self.env._("Retried"))
        holding = self.filtered("blocks_event")
        holding.sudo().write({"resolution": "retried"})
        holding.event_id._release_events()
        # Stands in for the system: what is looked at, stock for instance, need not be
        # open to whoever works the queue.
        (self - holding).sudo()._recheck()
        return True

    def action_open_correct(self):
        self.ensure_one()
        return self._open_wizard("healthcare.correct.wizard", self.env._("Correct"))

    def action_open_correct_many(self):
        """Correct the same value in all the events these hold back."""
        return self.env["healthcare.correct.many.wizard"]._open_for(self)

    def action_open_waive(self):
        return self._open_wizard("healthcare.waive.wizard", self.env._("Waive"))

    def action_open_retry(self):
        return self._open_wizard("healthcare.retry.wizard", self.env._("Retry"))

    def action_open_assign(self):
        return self._open_wizard("healthcare.assign.wizard", self.env._("Hand Over"))

    def action_open_payload(self):
        self.ensure_one()
        return self.event_id.action_open_payload()

    def action_open_event(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "healthcare.event",
            "res_id": self.event_id.id,
            "views": [(False, "form")],
        }

    def action_open_document(self):
        self.ensure_one()
        if not self.res_model:
            raise UserError(self.env._("There is no document for this yet."))
        return self._open_form(self.env[self.res_model].browse(self.res_id))

    def action_open_appointment(self):
        self.ensure_one()
        return self._open_form(self.appointment_id)

    def _open_form(self, document):
        """Open one document, if the user may and it is still there."""
        if not document.exists():
            raise UserError(self.env._("This document was deleted meanwhile."))
        if not document.has_access("read"):
            raise UserError(
                self.env._(
                    "You have no right to see this document. Hand the exception over "
                    "to somebody who has."
                )
            )
        return {
            "type": "ir.actions.act_window",
            "res_model": document._name,
            "res_id": document.id,
            "views": [(False, "form")],
        }

    def _open_wizard(self, model, name):
        if not self:
            raise UserError(self.env._("There is no open exception left."))
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_exception_ids": [(6, 0, self.ids)]},
        }

    def _waive(self, reason, asker=None):
        """Record the decision to let it be; the event, if held, is discarded.

        :param asker: who asked for it, where a second person agrees to it
        """
        self._check_open()
        self._check_may_waive()
        note = reason
        if asker:
            note = self.env._(
                "%(reason)s (asked by %(asker)s)", reason=reason, asker=asker.name
            )
        self._note_decision("discarded", note)
        self.filtered("blocks_event").event_id._discard()
        closed = self._close("waived", "waived", waive_reason=reason)
        closed._message_log_batch(
            bodies=dict.fromkeys(closed.ids, self.env._("Waived: %s", note))
        )

    def _check_open(self):
        self.check_access("write")
        if any(not record.is_open for record in self):
            raise UserError(self.env._("This exception is closed already."))

    def _check_may_waive(self):
        """What costs money is let be by finance, or by who answers for all of it."""
        roles = "healthcare_connector.group_%s"
        may = self.env.su or any(
            self.env.user.has_group(roles % role)
            for role in ("finance", "administrator")
        )
        if not may and any(record.amount_at_risk > 0 for record in self):
            raise UserError(
                self.env._(
                    "Money is at risk here: only finance may waive it. Hand it over "
                    "to somebody there."
                )
            )

    def _note_decision(self, outcome, message):
        # Stands in for the system: the log is written by what people do, and nobody
        # may write it by hand.
        self.env["healthcare.sync.log"].sudo().create(
            [
                {
                    "event_id": record.event_id.id,
                    "operation": "decision",
                    "outcome": outcome,
                    "category": record.category,
                    "message": message,
                    "date": fields.Datetime.now(),
                    "user_id": self.env.uid,
                }
                for record in self
                if record.event_id
            ]
        )

    # -- what the engine does ---------------------------------------------------

    @api.model
    def _open_or_update(self, issues):
        """Open exceptions, or refresh those open already, from a list of values.

        Each needs ``fingerprint`` and ``category``; one open exception per fingerprint.
        """
        if not issues:
            return self.browse()
        issues = {issue["fingerprint"]: issue for issue in issues}
        known = self.search(
            [("fingerprint", "in", list(issues)), ("state", "in", OPEN_STATES)]
        )
        for record in known:
            vals = dict(issues.pop(record.fingerprint))
            vals.pop("fingerprint")
            # The owner's work stays: only what the machine knows better is refreshed.
            changed = {
                name: value
                for name, value in vals.items()
                if record._fields[name].convert_to_write(record[name], record) != value
            }
            if {"category", "cause_key", "product_id"} & changed.keys():
                changed["cause_id"] = False  # another problem now
                self.env["healthcare.exception.cause"]._wake()
            if changed:
                record.with_context(tracking_disable=True).write(changed)
        created = self.with_context(
            tracking_disable=True, mail_create_nolog=True, mail_create_nosubscribe=True
        ).create(list(issues.values()))
        created._emit_facts("raised")
        return known | created

    def _close(self, state, resolution, **values):
        # Many close at once: each is told of by its fact and its fields, one by one in
        # the chatter would cost more than all the rest.
        open_ones = self.filtered("is_open").with_context(tracking_disable=True)
        if not open_ones:
            return self.browse()
        now = fields.Datetime.now()
        for chosen, group in open_ones.grouped("resolution").items():
            group.sudo().write(
                {
                    "state": state,
                    "resolution": chosen or resolution,
                    "resolved_at": now,
                    "resolved_by_id": self.env.uid,
                    **values,
                }
            )
        open_ones._emit_facts("resolved")
        self.env["healthcare.exception.cause"]._wake()
        return open_ones.with_env(self.env)

    def _emit_facts(self, change):
        self.env["healthcare.fact"]._emit_exceptions(self, change)

    @api.model
    def _cause_gone(self, keys):
        """Let go on by itself what was parked for causes that have disappeared.

        :param keys: cause keys such as ``payer/PAYER-A`` or ``service/MRI-KNEE``
        """
        if not keys:
            return
        # Stands in for the system: whoever adds a payer or a product lets waiting
        # events go on without having any right on them.
        engine = self.env["healthcare.engine"].sudo()
        engine._release_causes(set(keys))
