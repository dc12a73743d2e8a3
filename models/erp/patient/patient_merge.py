"""Two accounts of one person become one, in a way that can be taken back.

Who survives keeps what is known of them; the retired account only fills gaps. What
points to the retired account is moved by SQL, as Odoo's own merge does it: no document
is recomputed, no right on stock or sales is needed, and every row moved is written down
in a journal. Two choices about money:

- Entries move with their patient, posted ones too, so that one receivable shows what
  the person owes. Entries that Odoo has locked with a hash keep the partner they were
  posted for: the hash covers it. Their ``healthcare_patient_id`` moves all the same.
- Merging may be undone until something new is posted for the survivor. Then nobody
  could say any more whose it is.
"""

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

# Moved in their own ways: they have unique keys, or are told anew.
_HANDLED = (
    "healthcare.coverage",
    "healthcare.exception",
    "healthcare.fact",
    "healthcare.patient.distinct",
    "healthcare.patient.merge",
    "healthcare.surrogate",
)
_DOCUMENTS = {
    "sale.order": ("partner_id", "partner_invoice_id", "partner_shipping_id"),
    "sale.order.line": ("order_partner_id",),
    "stock.picking": ("partner_id",),
    "stock.move": ("partner_id",),
    "account.move": ("partner_id", "commercial_partner_id", "partner_shipping_id"),
    "account.move.line": ("partner_id",),
    "account.payment": ("partner_id",),
    "account.bank.statement.line": ("partner_id",),
    "account.analytic.line": ("partner_id",),
    "res.partner": ("healthcare_guarantor_id",),
}
_UNLOCKED = "NOT IN (SELECT id FROM account_move WHERE inalterable_hash IS NOT NULL)"
_CONDITIONS = {
    "account.move": SQL("inalterable_hash IS NULL"),
    "account.move.line": SQL("move_id " + _UNLOCKED),
    "account.payment": SQL("(move_id IS NULL OR move_id " + _UNLOCKED + ")"),
    "account.bank.statement.line": SQL("move_id " + _UNLOCKED),
}
# What one part of a registration consists of; see ``healthcare_known_fields``.
PARTS = {
    "name": ("name",),
    "birth_date": ("healthcare_birth_date",),
    "sex": ("healthcare_sex",),
    "phone": ("phone",),
    "email": ("email",),
    "address": ("street", "street2", "city", "zip", "country_id", "state_id"),
    "guarantor": ("healthcare_guarantor_id",),
    "account": ("healthcare_account_number", "healthcare_account_key"),
}
ACCOUNT_SYSTEM = "account"
_WAITED_FOR = ("coverage", "patient-invoice")  # causes that name a patient


class HealthcarePatientIdentifier(models.Model):
    _inherit = "healthcare.patient.identifier"

    retired = fields.Boolean(
        readonly=True,
        help="Of an account that was merged into this one. What still comes under this "
        "number fills gaps and outweighs nothing.",
    )

    @api.model
    def _add_account_number(self, patient, number, key):
        """Let an account number that ended lead to a patient; return what was made."""
        if not number or self.search_count(
            [("system", "=", ACCOUNT_SYSTEM), ("value", "=", number)]
        ):
            return self.browse()
        return self.create(
            {
                "partner_id": patient.id,
                "system": ACCOUNT_SYSTEM,
                "value": number,
                "subject": key,
                "sequence": 30,
                "retired": True,
            }
        )


class ResPartner(models.Model):
    _inherit = "res.partner"

    healthcare_merged_into_id = fields.Many2one(
        "res.partner",
        string="Merged Into",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The account that goes on with everything of this one.",
    )
    healthcare_merge_ids = fields.One2many(
        "healthcare.patient.merge", "survivor_id", string="Merged Accounts"
    )

    def _healthcare_survivor(self):
        """Return the account that goes on with this one: itself, if never merged."""
        self.ensure_one()
        patient, seen = self, set()
        while patient.healthcare_merged_into_id and patient.id not in seen:
            seen.add(patient.id)
            patient = patient.healthcare_merged_into_id
        return patient

    def _healthcare_merge_into(self, survivor, event=None, reason=None):
        """Make the account ``self`` part of ``survivor``; doing so again is no change.

        :param event: the event that says so, if it was one
        :param reason: why, if it was a person
        :return: the ``healthcare.patient.merge`` made, empty if they were one already
        :raise AccessError: for who is neither finance nor administrator
        :raise UserError: when one of them is no patient
        """
        self.ensure_one()
        merges = self.env["healthcare.patient.merge"]
        merges._check_may_merge()
        # Stands in for the system: a merge moves documents of every kind and company;
        # who may decide it was checked just now.
        survivor = survivor.sudo()._healthcare_survivor()
        retired = self.sudo()._healthcare_survivor()
        if retired == survivor:
            return merges.browse()
        if not (retired.healthcare_is_patient and survivor.healthcare_is_patient):
            raise UserError(self.env._("Only patients can be merged with patients."))
        return merges.sudo()._merge(retired, survivor, event, reason)


class HealthcarePatientMerge(models.Model):
    """The journal of a merge: who, when, why, and what it takes to undo it."""

    _name = "healthcare.patient.merge"
    _description = "Patient Merge"
    _order = "id desc"

    survivor_id = fields.Many2one(
        "res.partner",
        string="Account That Stays",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    retired_id = fields.Many2one(
        "res.partner", string="Retired Account", readonly=True, ondelete="set null"
    )
    survivor_reference = fields.Char(string="Survivor", readonly=True)
    retired_reference = fields.Char(string="Retired", readonly=True)
    date = fields.Datetime(readonly=True, default=fields.Datetime.now)
    user_id = fields.Many2one(
        "res.users", readonly=True, default=lambda self: self.env.user
    )
    event_id = fields.Many2one("healthcare.event", readonly=True)
    reason = fields.Char(readonly=True)
    state = fields.Selection(
        [("done", "Merged"), ("undone", "Undone"), ("final", "Merged for Good")],
        default="done",
        required=True,
        readonly=True,
        help="Merged for good: by Odoo's own merge of contacts, which keeps nothing "
        "that could be brought back.",
    )
    undone_at = fields.Datetime(readonly=True)
    undone_by_id = fields.Many2one("res.users", readonly=True)
    # {"moved": [[model, field, ids]], "values": [[model, id, old, new]],
    #  "filled": {part: stamp}, "created": [[model, ids]], "posted": [move ids]}
    journal = fields.Json(readonly=True, groups=fields.NO_ACCESS)

    _survivor_index = models.Index("(survivor_id, date)")

    @api.depends("survivor_reference", "retired_reference")
    def _compute_display_name(self):
        for merge in self:
            merge.display_name = (
                f"{merge.retired_reference} → {merge.survivor_reference}"
            )

    @api.model
    def _check_may_merge(self):
        if not self.env.su and not self.env.user.has_groups(
            "healthcare_connector.group_finance,healthcare_connector.group_administrator"
        ):
            raise AccessError(
                self.env._("Only finance and administrators may merge patients.")
            )

    # -- merging ----------------------------------------------------------------

    @api.model
    def _merge(self, retired, survivor, event, reason):
        self._lock(retired | survivor)
        self.env.flush_all()
        journal = {"moved": [], "values": [], "created": []}
        journal["posted"] = self._posted_for(survivor | retired)
        self._merge_coverages(retired, survivor, journal)
        self._retire_numbers(retired, survivor, journal)
        journal["filled"] = self._fill_gaps(retired, survivor)
        self._move_documents(retired, survivor, journal)
        merge = self.create(
            {
                "survivor_id": survivor.id,
                "retired_id": retired.id,
                "survivor_reference": survivor.healthcare_reference,
                "retired_reference": retired.healthcare_reference,
                "event_id": event.id if event else False,
                "reason": reason,
                "journal": journal,
            }
        )
        retired.write({"active": False, "healthcare_merged_into_id": survivor.id})
        for patient, text in (
            (survivor, self.env._("Patient %s was merged into this one.")),
            (retired, self.env._("This account was merged into patient %s.")),
        ):
            other = retired if patient == survivor else survivor
            patient._message_log(body=text % (other.healthcare_reference or other.id))
        self._settle_duplicates(retired.ids, survivor)
        merge._tell(retired, survivor, event)
        self._wake(survivor)
        return merge

    @api.model
    def _wake(self, survivor):
        """Let go on what waited for something the other of the two accounts had."""
        subjects = survivor.healthcare_identifier_ids.mapped("subject")
        self.env["healthcare.exception"]._cause_gone(
            {
                *subjects,
                *(f"{kind}/{s}" for s in subjects for kind in _WAITED_FOR),
                *filter(None, [survivor.healthcare_account_key]),
            }
        )

    @api.model
    def _lock(self, patients):
        """Wait for who writes to these accounts, and let nobody refer to them."""
        self.env.execute_query(
            SQL(
                "SELECT id FROM res_partner WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
                patients.ids,
            )
        )

    @api.model
    def _posted_for(self, patients):
        """Return the ids of entries posted for patients."""
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM account_move WHERE state = 'posted'
                AND healthcare_patient_id = ANY(%(ids)s)
                UNION SELECT move_id FROM account_move_line
                WHERE parent_state = 'posted' AND partner_id = ANY(%(ids)s)""",
                ids=patients.ids,
            )
        )
        return [row[0] for row in rows]

    @api.model
    def _merge_coverages(self, retired, survivor, journal):
        """Move coverages; of what both accounts have the newest word counts."""
        coverages = self.env["healthcare.coverage"].with_context(active_test=False)
        kept = {
            (one.payer_id, one.member_id): one
            for one in coverages.search([("patient_id", "=", survivor.id)])
        }
        moving = coverages.browse()
        for one in coverages.search([("patient_id", "=", retired.id)]):
            other = kept.get((one.payer_id, one.member_id))
            if not other:
                moving |= one
                continue
            values, known = {}, dict(other.known_fields or {})
            for part, mark in (one.known_fields or {}).items():
                if known.get(part, "") < mark:
                    known[part] = mark
                    names = ("date_from", "date_to") if part == "period" else (part,)
                    values.update({name: one[name] for name in names})
            if values:
                self._write_values(other, {**values, "known_fields": known}, journal)
            if one.active:
                self._write_values(one, {"active": False}, journal)
        self._move("healthcare.coverage", "patient_id", moving.ids, survivor, journal)

    @api.model
    def _retire_numbers(self, retired, survivor, journal):
        """Let the numbers of the retired account, its account number too, find the
        survivor."""
        identifiers = self.env["healthcare.patient.identifier"]
        for one in retired.healthcare_identifier_ids:
            self._write_values(
                one, {"retired": True, "sequence": max(one.sequence, 20)}, journal
            )
        self._move(
            identifiers._name,
            "partner_id",
            retired.healthcare_identifier_ids.ids,
            survivor,
            journal,
        )
        created = identifiers._add_account_number(
            survivor,
            retired.healthcare_account_number,
            retired.healthcare_account_key,
        )
        if created:
            journal["created"].append([created._name, created.ids])

    @api.model
    def _fill_gaps(self, retired, survivor):
        """Take over what only the retired account knows; return ``{part: stamp}``.

        Stamped as registrations under a retired number are, so that it does not matter
        whether these came before or after the merge.
        """
        known, filled, values = dict(survivor.healthcare_known_fields or {}), {}, {}
        theirs = retired.healthcare_known_fields or {}
        for part, names in PARTS.items():
            carried = {name: retired[name] for name in names}
            mark = "-1/" + theirs.get(part, "0/").partition("/")[2]
            ours = known.get(part, "")
            empty = not any(survivor[name] for name in names)
            # A survivor's gap that an earlier merge filled is filled by the newest.
            if any(carried.values()) and (
                (not ours and empty) or (ours.startswith("-1/") and ours < mark)
            ):
                known[part] = filled[part] = mark
                values.update(
                    {
                        n: retired._fields[n].convert_to_write(v, retired)
                        for n, v in carried.items()
                    }
                )
        if filled:
            survivor.write({**values, "healthcare_known_fields": known})
        return filled

    @api.model
    def _move_documents(self, retired, survivor, journal):
        """Point to the survivor all that points to the retired account."""
        self.env.flush_all()
        for model, names in self._documents().items():
            for name in names:
                table = self.env[model]._table
                condition = SQL("TRUE")
                if name != "healthcare_patient_id":
                    condition = _CONDITIONS.get(model, condition)
                rows = self.env.execute_query(
                    SQL(
                        """UPDATE %s SET %s = %s WHERE %s = %s AND %s RETURNING id""",
                        SQL.identifier(table),
                        SQL.identifier(name),
                        survivor.id,
                        SQL.identifier(name),
                        retired.id,
                        condition,
                    )
                )
                if rows:
                    journal["moved"].append([model, name, [row[0] for row in rows]])
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_exception SET patient_id = %s
                WHERE patient_id = %s AND state IN ('open', 'assigned')
                AND category != 'duplicate_patient' RETURNING id""",
                survivor.id,
                retired.id,
            )
        )
        if rows:
            ids = [row[0] for row in rows]
            journal["moved"].append(["healthcare.exception", "patient_id", ids])
        self._refresh_moved(journal)

    @api.model
    def _documents(self):
        """Return ``{model: fields}`` of what belongs to a patient.

        Every ``healthcare.*`` model's patient and every ``healthcare_patient_id`` is
        found by itself.
        """
        found = {
            model: [name for name in names if self.env[model]._fields[name].store]
            for model, names in _DOCUMENTS.items()
        }
        for name, model in self.env.registry.items():
            if model._abstract or model._transient or not model._auto:
                continue
            if name in _HANDLED:
                continue
            own = name.startswith("healthcare.")
            wanted = ("patient_id", "partner_id") if own else ("healthcare_patient_id",)
            for field_name in wanted:
                field = model._fields.get(field_name)
                if field and field.store and field.comodel_name == "res.partner":
                    found.setdefault(name, []).append(field_name)
        found.pop("healthcare.patient.identifier", None)
        return found

    @api.model
    def _move(self, model, name, ids, patient, journal=None):
        """Point the given rows to a patient."""
        if not ids:
            return
        self.env.flush_all()
        self.env.execute_query(
            SQL(
                "UPDATE %s SET %s = %s WHERE id = ANY(%s) RETURNING id",
                SQL.identifier(self.env[model]._table),
                SQL.identifier(name),
                patient.id,
                list(ids),
            )
        )
        self.env.invalidate_all()
        if journal is not None:
            journal["moved"].append([model, name, list(ids)])

    @api.model
    def _refresh_moved(self, journal):
        """Forget what was read before, and the partner's name that invoices keep."""
        self.env.invalidate_all()
        moves = self.env["account.move"].browse(
            {
                i
                for model, name, ids in journal["moved"]
                if (model, name) == ("account.move", "partner_id")
                for i in ids
            }
        )
        self.env.add_to_compute(moves._fields["invoice_partner_display_name"], moves)

    @api.model
    def _write_values(self, record, values, journal):
        old = {name: plain(record, name) for name in values}
        record.write(values)
        new = {name: plain(record, name) for name in values}
        journal["values"].append([record._name, record.id, old, new])

    # -- what follows -----------------------------------------------------------

    @api.model
    def _settle_duplicates(self, retired_ids, survivor):
        """Close what called these patients duplicates; ask anew about third ones."""
        gone = self.env["res.partner"].browse(retired_ids)
        pairs = {
            issue: pair
            for issue in (gone | survivor)._healthcare_open_duplicates()
            if (pair := issue._duplicate_pair()) and set(pair) & set(retired_ids)
        }
        if not pairs:
            return
        alike = survivor._healthcare_find_duplicates()
        keys, asked = set(), set()
        for issue, pair in pairs.items():
            if issue.blocks_event:
                # It named both accounts and goes on; if a third, it parks anew.
                keys.add(issue.cause_key)
                continue
            third = (set(pair) - set(retired_ids) - {survivor.id} or {0}).pop()
            new_pair = (min(third, survivor.id), max(third, survivor.id))
            known = issue.search_count(
                [
                    ("fingerprint", "=", f"duplicate/{new_pair[0]}/{new_pair[1]}"),
                    ("is_open", "=", True),
                ]
            )
            if new_pair in alike and not known and new_pair not in asked:
                asked.add(new_pair)
                issue.write(
                    gone._healthcare_duplicate_values(new_pair, alike[new_pair])
                )
            else:
                issue._close("resolved", "cause_gone")
        self.env["healthcare.exception"]._cause_gone(keys)

    def _tell(self, retired, survivor, event):
        """Tell analytics whose things these are now, and judge clearance anew."""
        self.ensure_one()
        self.env["healthcare.fact"]._retell(
            {(m, i) for m, _name, ids in self.sudo().journal["moved"] for i in ids},
            survivor,
            event,
        )
        workflow = self.env["healthcare.workflow.registration"]
        workflow._retell_registration(survivor, event)
        if not retired.active:
            self.env["healthcare.fact"]._withdraw("registration", retired, event)
        workflow._refresh_clearance({survivor: event})


def plain(record, name):
    """Return a field's value as JSON carries it and ``write`` takes it."""
    value = record[name]
    if isinstance(value, models.BaseModel):
        return value.id
    return value.isoformat() if hasattr(value, "isoformat") else value
