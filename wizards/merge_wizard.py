from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, format_datetime, formatLang

_ROW = Markup("<tr class='%s'><th scope='row'>%s</th><td>%s</td><td>%s</td></tr>")
_TABLE = Markup(
    "<table class='table table-sm table-bordered'><thead><tr><th></th>"
    "<th>%s</th><th>%s</th></tr></thead><tbody>%s</tbody></table>"
)


class HealthcareMergeWizard(models.TransientModel):
    """Compares two patients side by side and makes them one, or says they are two.

    What is compared is computed for the screen and never stored here.
    """

    _name = "healthcare.merge.wizard"
    _description = "Compare and Merge Patients"

    exception_id = fields.Many2one("healthcare.exception", readonly=True)
    blocks_event = fields.Boolean(related="exception_id.blocks_event")
    left_id = fields.Many2one("res.partner", required=True, readonly=True)
    right_id = fields.Many2one("res.partner", required=True, readonly=True)
    survivor = fields.Selection(
        [("left", "Left"), ("right", "Right")],
        string="Account That Stays",
        default="left",
        required=True,
        help="It keeps what is known of it; the other one only fills gaps.",
    )
    comparison = fields.Html(compute="_compute_comparison", sanitize=False)
    reason = fields.Char()
    second_needed = fields.Boolean(compute="_compute_second_needed")

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        context = self.env.context
        if context.get("active_model") == "res.partner" and not values.get("left_id"):
            patients = self.env["res.partner"].browse(context.get("active_ids", ()))
            if len(patients) != 2 or not all(patients.mapped("healthcare_is_patient")):
                raise UserError(self.env._("Choose two patients to compare."))
            values["left_id"], values["right_id"] = sorted(patients.ids)
        return values

    @api.depends("left_id", "right_id")
    def _compute_second_needed(self):
        self.second_needed = self.env["healthcare.patient.merge"]._second_needed()

    @api.depends("left_id", "right_id")
    def _compute_comparison(self):
        for wizard in self:
            pair = (wizard.left_id, wizard.right_id)
            # Whoever may merge is shown all there is of both: only of those he sees.
            (wizard.left_id | wizard.right_id).check_access("read")
            sides = [wizard._describe(one) for one in pair if one]
            if len(sides) != 2:
                wizard.comparison = False
                continue
            left, right = sides
            # What no two accounts have in common says nothing.
            apart = {self.env._(text) for text in ("Numbers", "Last told", "Added")}
            rows = Markup("").join(
                _ROW
                % (
                    "table-warning"
                    if label not in apart and left[label] != right[label]
                    else "",
                    label,
                    _lines(left[label]),
                    _lines(right[label]),
                )
                for label in left
            )
            heads = [one.healthcare_reference or str(one.id) for one in pair]
            wizard.comparison = _TABLE % (*heads, rows)

    def _describe(self, patient):
        """Return ``{label: text or list of texts}`` of one account."""
        # Stands in for the system: who merges sees what is at stake on both sides,
        # also without rights on appointments or invoices.
        patient = patient.sudo()
        sex = dict(patient._fields["healthcare_sex"]._description_selection(self.env))
        known_at = patient.healthcare_known_at
        return {
            self.env._("Name"): patient.name,
            self.env._("Birth date"): format_date(
                self.env, patient.healthcare_birth_date
            ),
            self.env._("Sex"): sex.get(patient.healthcare_sex),
            self.env._("Phone"): patient.phone,
            self.env._("Email"): patient.email,
            self.env._("Address"): [
                patient.street,
                patient.street2,
                " ".join(filter(None, (patient.city, patient.zip))),
                patient.state_id.name,
                patient.country_id.name,
            ],
            self.env._("Patient account"): patient.healthcare_account_number,
            self.env._("Guarantor"): patient.healthcare_guarantor_id.name,
            self.env._("Numbers"): [
                f"{one.value} ({one.system})"
                for one in patient.healthcare_identifier_ids
            ],
            self.env._("Coverages"): [
                f"{one.priority}: {one.payer_id.name}, {one.member_id}"
                for one in patient.healthcare_coverage_ids
            ],
            self.env._("Appointments"): self._appointments(patient),
            self.env._("Open amounts"): self._open_amounts(patient),
            self.env._("Last told"): format_datetime(self.env, known_at)
            if known_at
            else "",
            self.env._("Added"): format_datetime(self.env, patient.create_date),
        }

    def _appointments(self, patient):
        visits = patient.healthcare_appointment_ids.sorted("start", reverse=True)
        states = dict(visits._fields["state"]._description_selection(self.env))
        texts = [
            f"{format_datetime(self.env, one.start)}: {states[one.state]}"
            for one in visits[:5]
        ]
        if len(visits) > 5:
            texts.append(self.env._("and %s more", len(visits) - 5))
        return texts

    def _open_amounts(self, patient):
        groups = (
            self.env["account.move"]
            .sudo()  # as above
            ._read_group(
                [
                    ("healthcare_patient_id", "=", patient.id),
                    ("state", "=", "posted"),
                    ("move_type", "in", ("out_invoice", "out_refund")),
                    ("amount_residual", "!=", 0),
                ],
                ["healthcare_responsible", "currency_id"],
                ["amount_residual_signed:sum"],
            )
        )
        sides = {
            "payer": self.env._("owed by payers"),
            "patient": self.env._("owed by the patient"),
        }
        return [
            f"{formatLang(self.env, amount, currency_obj=currency)} "
            f"{sides.get(side, '')}".strip()
            for side, currency, amount in groups
        ]

    # -- decisions --------------------------------------------------------------

    def _check_reason(self):
        self.ensure_one()
        self.env["healthcare.patient.merge"]._check_may_merge()
        (self.left_id | self.right_id).check_access("read")
        if not (self.reason or "").strip():
            raise UserError(self.env._("Say why: it stays on record."))

    def action_merge(self):
        """Make the two accounts one and show the one that stays."""
        self._check_reason()
        survivor, retired = self.left_id, self.right_id
        if self.survivor == "right":
            survivor, retired = retired, survivor
        if self.second_needed:
            retired._healthcare_ask_to_merge(survivor, self.reason, self.exception_id)
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "type": "warning",
                    "title": self.env._("Asked for approval"),
                    "message": self.env._(
                        "The two stay as they are until another person agrees."
                    ),
                    "next": {"type": "ir.actions.act_window_close"},
                },
            }
        retired._healthcare_merge_into(survivor, reason=self.reason)
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": survivor.id,
            "views": [
                (self.env.ref("healthcare_connector.view_patient_form").id, "form")
            ],
        }

    def action_two_people(self):
        """Remember that the two are different people, so that nobody asks again."""
        self._check_reason()
        if self.exception_id.is_open and not self.blocks_event:
            asked = self.exception_id._waive_or_ask(self.reason)
            if asked:
                return asked._told_to_wait()
            return {"type": "ir.actions.act_window_close"}
        pair = tuple(sorted((self.left_id.id, self.right_id.id)))
        # Stands in for the system: who may decide was checked, and decisions are
        # written by this alone.
        self.env["healthcare.patient.distinct"].sudo()._remember([pair], self.reason)
        (self.left_id | self.right_id).sudo()._healthcare_open_duplicates()._recheck()
        return {"type": "ir.actions.act_window_close"}


class HealthcareApproval(models.Model):
    _inherit = "healthcare.approval"

    comparison = fields.Html(
        compute="_compute_comparison",
        sanitize=False,
        groups="healthcare_connector.group_finance,"
        "healthcare_connector.group_administrator",
    )

    @api.depends("survivor_id", "retired_id")
    def _compute_comparison(self):
        """Show who decides on a merge what who asked for it has seen."""
        wizards = self.env["healthcare.merge.wizard"]
        for one in self:
            one.comparison = (
                one.kind == "merge"
                and one.state == "waiting"
                and wizards.new(
                    {"left_id": one.survivor_id.id, "right_id": one.retired_id.id}
                ).comparison
            )


def _lines(value):
    texts = value if isinstance(value, list) else [value]
    return Markup("<br/>").join(text for text in texts if text)
