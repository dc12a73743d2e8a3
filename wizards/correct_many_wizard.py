"""One value of many events corrected at once, after a look at what would happen."""

import uuid
from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..core import strict_json
from ..core.contract import corrections, fault_words
from ..core.errors import InputError

PHI_READER = "healthcare_connector.group_phi_reader"
# Read while somebody waits; what others hold stays as it is.
READ = 2000
SHOWN = 200


class HealthcareCorrectManyWizard(models.TransientModel):
    """Asks which value is wrong and what it should be; a job then carries it out.

    What people write here may tell of patients, so it is kept encrypted.
    """

    _name = "healthcare.correct.many.wizard"
    _description = "Correct Many Events"
    _inherit = ["healthcare.exception.wizard"]

    uuid = fields.Char(default=lambda self: str(uuid.uuid4()), readonly=True)
    place_ids = fields.One2many("healthcare.correct.many.place", "wizard_id")
    place_id = fields.Many2one(
        "healthcare.correct.many.place",
        string="What Is Wrong",
        domain="[('wizard_id', '=', id)]",
        help="What was found at fault stands first.",
    )
    may_see = fields.Boolean(compute="_compute_may")
    may_set = fields.Boolean(compute="_compute_may")
    how = fields.Selection(
        [
            ("same", "The same for all"),
            ("each", "By what it is now"),
        ],
        string="New Value",
        default="same",
        required=True,
    )
    sealed = fields.Binary(attachment=False, groups=fields.NO_ACCESS)
    value = fields.Char(
        string="Is To Be",
        compute="_compute_value",
        inverse="_inverse_value",
    )
    value_ids = fields.One2many(
        "healthcare.correct.many.value",
        "wizard_id",
        groups="healthcare_connector.group_phi_reader",
    )
    reason = fields.Char(string="Why")

    @api.depends_context("uid")
    @api.depends("place_id")
    def _compute_may(self):
        reader = self.env.user.has_group(PHI_READER)
        for wizard in self:
            wizard.may_see = reader
            place = wizard.place_id.pattern
            wizard.may_set = not place or reader or not corrections.identifies(place)

    @api.depends("sealed")
    def _compute_value(self):
        for wizard in self:
            wizard.value = wizard._opened(_whole(wizard).sealed, wizard.uuid)

    def _inverse_value(self):
        for wizard in self:
            # Stands in for the user, who wrote it: ciphertext is the system's alone.
            wizard.sudo().sealed = wizard._closed(wizard.value, wizard.uuid)

    def _closed(self, value, own):
        if value in (None, False, ""):
            return False
        return self.env["healthcare.keyring"]._seal(
            strict_json.dumps(value), self._name, own, "value"
        )

    def _opened(self, sealed, own):
        if not sealed:
            return False
        return strict_json.loads(
            self.env["healthcare.keyring"]._open(sealed, self._name, own, "value")
        )

    # -- opening ----------------------------------------------------------------

    @api.model
    def _open_for(self, exceptions):
        """Return an action on a dialog about the events these exceptions hold up.

        :raise UserError: when none of them can be corrected
        """
        held = exceptions.filtered(lambda one: one.is_open and one.blocks_event)
        held = held.filtered("type_id")
        if not held:
            raise UserError(
                self.env._("None of these holds back an event that can be corrected.")
            )
        wizard = self.create({"exception_ids": [(6, 0, held.ids)]})
        wizard._find_places()
        return wizard._shown()

    def _shown(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Correct Many"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def _find_places(self):
        """Offer what the events' schemas name, what was found at fault first."""
        faults, found = Counter(), {}
        for (kind, version), group in self.exception_ids.grouped(
            lambda one: (one.type_id, one.event_id.schema_version)
        ).items():
            members = fault_words.members(kind.code, version or kind.version)
            for pattern, place in members.items():
                found.setdefault(pattern, place.words)
            for one in group.filtered("fault_key"):
                pattern = one.fault_key.split(":", 4)[4]
                faults[pattern] += pattern in members
        order = [pattern for pattern, count in faults.most_common() if count]
        order += [pattern for pattern in found if pattern not in order]
        places = self.env["healthcare.correct.many.place"].create(
            [
                {
                    "wizard_id": self.id,
                    "pattern": pattern,
                    "name": found[pattern][:1].upper() + found[pattern][1:],
                }
                for pattern in order
            ]
        )
        self.place_id = places[:1] if +faults else False

    # -- what it is now ---------------------------------------------------------

    def action_show_values(self):
        """Read what the events hold at this place; being read is recorded.

        :raise AccessError: for who is no PHI reader
        """
        self.ensure_one()
        if not self.env.user.has_group(PHI_READER):
            raise AccessError(
                self.env._("Only PHI readers may read what an event contains.")
            )
        self._check_place()
        events = self._still_open().event_id[:READ]
        events.check_access("read")
        self.env["healthcare.payload.access"]._record(
            events, self.env._("Correction of many")
        )
        counts = Counter()
        for envelope in events._envelopes().values():
            for value in corrections.values(envelope, self.place_id.pattern):
                known = None if value is corrections.MISSING else value
                counts[strict_json.dumps(known)] += 1
        self.value_ids.unlink()
        rows = self.env["healthcare.correct.many.value"]
        values = []
        for old, count in counts.most_common(SHOWN):
            own = str(uuid.uuid4())
            sealed = self._closed(old.decode(), own)
            values.append(
                {
                    "wizard_id": self.id,
                    "uuid": own,
                    "count": count,
                    "sealed_old": sealed,
                }
            )
        # Stands in for the reader, checked above: ciphertext is the system's alone.
        rows.sudo().create(values)
        self.how = "each"
        return self._shown()

    # -- going on ---------------------------------------------------------------

    def _check_place(self):
        if not self.place_id:
            raise UserError(self.env._("Choose what is wrong."))

    def _asked(self):
        """Return what the schema asks of the chosen place."""
        kind = self.exception_ids.type_id.filtered(
            lambda one: (
                self.place_id.pattern in fault_words.members(one.code, one.version)
            )
        )[:1]
        place = fault_words.place(self.place_id.pattern, kind.code, kind.version)
        return place.schema

    def _parsed(self, text):
        try:
            return corrections.parse(text, self._asked())
        except InputError as error:
            raise UserError(self.env._(error.detail)) from error

    def _change(self):
        if self.how == "same":
            if not self.value:
                raise UserError(self.env._("Write what it is to be."))
            return {"value": self._parsed(self.value)}
        rows = self.value_ids.filtered("new_value")
        if not rows:
            raise UserError(self.env._("Write what at least one of them is to be."))
        return {"changes": [[row._old(), self._parsed(row.new_value)] for row in rows]}

    def action_preview(self):
        """Prepare the job and show what it would do; nothing is changed yet."""
        self.ensure_one()
        self._check_place()
        if not (self.reason or "").strip():
            raise UserError(self.env._("Say why: it goes on record with every event."))
        job = self.env["healthcare.replay"]._prepare_correction(
            self._still_open(),
            self.place_id.pattern,
            self.place_id.name,
            self._change(),
            self.reason,
        )
        job.action_preview()
        return job._open_form()


class HealthcareCorrectManyPlace(models.TransientModel):
    _name = "healthcare.correct.many.place"
    _description = "Value That Can Be Corrected"
    _order = "id"

    wizard_id = fields.Many2one(
        "healthcare.correct.many.wizard", required=True, ondelete="cascade", index=True
    )
    name = fields.Char(required=True, readonly=True)
    pattern = fields.Char(required=True, readonly=True)


class HealthcareCorrectManyValue(models.TransientModel):
    """A value that events hold now, and what it is to be; both encrypted."""

    _name = "healthcare.correct.many.value"
    _description = "Value of Many Events"
    _order = "count desc, id"

    wizard_id = fields.Many2one(
        "healthcare.correct.many.wizard", required=True, ondelete="cascade", index=True
    )
    uuid = fields.Char(readonly=True)
    count = fields.Integer(string="How Many", readonly=True)
    sealed_old = fields.Binary(attachment=False, groups=fields.NO_ACCESS)
    sealed_new = fields.Binary(attachment=False, groups=fields.NO_ACCESS)
    old_value = fields.Char(string="Is Now", compute="_compute_values")
    new_value = fields.Char(
        string="Is To Be", compute="_compute_values", inverse="_inverse_new_value"
    )

    def _old(self):
        """Return the value as it stands in the events, ``None`` where it is missing."""
        # Stands in for the reader: who may open these rows may see them.
        known = self.wizard_id._opened(_whole(self).sealed_old, self.uuid)
        return strict_json.loads(known.encode()) if known else None

    @api.depends("sealed_old", "sealed_new")
    def _compute_values(self):
        for row in self:
            row.old_value = corrections.shown(row._old()) or self.env._("(missing)")
            # As above.
            row.new_value = row.wizard_id._opened(_whole(row).sealed_new, row.uuid)

    def _inverse_new_value(self):
        for row in self:
            # As above.
            row.sudo().sealed_new = row.wizard_id._closed(row.new_value, row.uuid)


def _whole(record):
    """Return a record whose ciphertext can be read; forms would get its size only."""
    # Stands in for the user, who wrote or may read it.
    return record.sudo().with_context(bin_size=False)
