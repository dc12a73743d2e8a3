"""Revenue of services that last over months: deferred, and recognized month by month.

For a line of 900.00 for 16 January to 14 April, invoiced on 16 January:

=============  ==================  =======  =======
date           account             debit    credit
=============  ==================  =======  =======
16 January     revenue              900.00
               deferred revenue              900.00
31 January     deferred revenue     161.80
               revenue                       161.80
28 February    deferred revenue     283.15
               revenue                       283.15
…
=============  ==================  =======  =======

Entries of months to come stay drafts that Odoo posts when they are due.
"""

import calendar
from datetime import date, timedelta

from odoo import Command, fields, models

DEFERRED = "deferred"


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    healthcare_service_from = fields.Date(string="Service From", copy=False)
    healthcare_service_to = fields.Date(string="Service Until", copy=False)
    healthcare_deferred = fields.Boolean(
        string="Revenue over the Service Period", copy=False
    )

    def _healthcare_shares(self):
        """Return ``{(year, month): amount}``: revenue by days, in company currency."""
        self.ensure_one()
        first, last = self.healthcare_service_from, self.healthcare_service_to
        currency, total = self.company_currency_id, -self.balance
        days, day = {}, first
        while day <= last:
            end = min(_month_end(day), last)
            days[day.year, day.month] = (end - day).days + 1
            day = end + timedelta(days=1)
        shares, left = {}, total
        for month, count in days.items():
            shares[month] = currency.round(total * count / sum(days.values()))
            left -= shares[month]
        shares[last.year, last.month] = currency.round(
            shares[last.year, last.month] + left
        )
        return shares


class AccountMove(models.Model):
    _inherit = "account.move"

    healthcare_deferral_line_id = fields.Many2one(
        "account.move.line",
        string="Defers Revenue Of",
        copy=False,
        readonly=True,
        index="btree_not_null",
    )
    healthcare_deferral_month = fields.Char(
        string="Revenue Month",
        copy=False,
        readonly=True,
        help="Month whose revenue this entry recognizes; of the entry that defers it "
        "all, the word itself.",
    )
    healthcare_deferral_count = fields.Integer(compute="_compute_deferral_count")

    _healthcare_deferral_unique = models.UniqueIndex(
        "(healthcare_deferral_line_id, healthcare_deferral_month) "
        "WHERE healthcare_deferral_line_id IS NOT NULL AND state != 'cancel'",
        "The revenue of this month is recognized already.",
    )

    def _compute_deferral_count(self):
        for move in self:
            move.healthcare_deferral_count = (
                len(move._healthcare_deferrals()) if move.is_invoice() else 0
            )

    def action_open_healthcare_deferrals(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Deferred Revenue"),
            "res_model": "account.move",
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", self._healthcare_deferrals().ids)],
            "context": {"create": False},
        }

    def _healthcare_deferrals(self):
        """Return the entries that defer and recognize revenue of these invoices."""
        lines = self.invoice_line_ids.filtered("healthcare_deferred")
        if not lines:
            return self.browse()
        return self.search(
            [
                ("healthcare_deferral_line_id", "in", lines.ids),
                ("state", "!=", "cancel"),
            ],
            order="date, id",
        )

    # -- following the invoice ----------------------------------------------------

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted.filtered(
            lambda move: move.move_type == "out_invoice"
        )._healthcare_defer_revenue()
        posted.filtered(
            lambda move: (
                move.move_type == "out_refund"
                and move.reversed_entry_id
                and not move.currency_id.compare_amounts(
                    move.amount_total, move.reversed_entry_id.amount_total
                )
            )
        )._healthcare_undo_deferrals()
        return posted

    def button_draft(self):
        result = super().button_draft()
        self.filtered(
            lambda move: move.move_type == "out_invoice"
        )._healthcare_deferrals().button_cancel()
        return result

    def _healthcare_defer_revenue(self):
        """Make and post the entries of invoice lines that last over months."""
        vals_list = []
        for line in self.invoice_line_ids.filtered("healthcare_deferred"):
            vals_list += line.move_id._healthcare_deferral_values(line)
        if not vals_list:
            return
        entries = self.create(vals_list)
        today = fields.Date.context_today(self)
        due = entries.filtered(lambda move: move.date <= today)
        (entries - due).auto_post = "at_date"
        due._post(soft=False)

    def _healthcare_deferral_values(self, line):
        """Return the values of all entries of one invoice line."""
        self.ensure_one()
        account = self.healthcare_facility_id._deferred_account()
        shares = line._healthcare_shares()
        if not account or max(shares) <= (self.date.year, self.date.month):
            # All of it is earned by the month it is booked in.
            return []
        values = [self._healthcare_entry(line, DEFERRED, self.date, line.balance)]
        for (year, month), amount in shares.items():
            day = max(_month_end(date(year, month, 1)), self.date)
            values.append(
                self._healthcare_entry(line, f"{year}-{month:02d}", day, amount)
            )
        return values

    def _healthcare_entry(self, line, month, day, amount):
        """Return the values of one entry that adds ``amount`` to revenue."""
        account = self.healthcare_facility_id._deferred_account()
        common = {"name": line.name, "partner_id": line.partner_id.id}
        return {
            "move_type": "entry",
            "journal_id": self.company_id._healthcare_adjustment_journal().id,
            "date": day,
            "ref": self.name,
            "healthcare_patient_id": self.healthcare_patient_id.id,
            "healthcare_facility_id": self.healthcare_facility_id.id,
            "healthcare_deferral_line_id": line.id,
            "healthcare_deferral_month": month,
            "line_ids": [
                Command.create({**common, "account_id": account.id, "balance": amount}),
                Command.create(
                    {
                        **common,
                        "account_id": line.account_id.id,
                        "balance": -amount,
                        "analytic_distribution": line.analytic_distribution,
                    }
                ),
            ],
        }

    def _healthcare_undo_deferrals(self):
        """Undo the deferrals of invoices that these credit notes take back whole."""
        for note in self:
            entries = note.reversed_entry_id._healthcare_deferrals()
            posted = entries.filtered(lambda move: move.state == "posted")
            (entries - posted).button_cancel()
            posted -= posted.filtered("reversal_move_ids")
            if posted:
                posted._reverse_moves(
                    [{"date": note.date, "ref": note.name} for _entry in posted],
                    cancel=True,
                )


def _month_end(day):
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
