"""Which services a payer wants to approve beforehand."""

from odoo import api, fields, models

from ..visit.clearance import UPCOMING

READERS = "healthcare_connector.group_operator,healthcare_connector.group_auditor"


class HealthcareAuthorizationRule(models.Model):
    """A payer's rule about one service, or about all it has no rule of its own for.

    A rule outweighs what the service itself says; the rule about one service outweighs
    the one about all.
    """

    _name = "healthcare.authorization.rule"
    _description = "Authorization Rule"
    _order = "payer_id, service_id, id"
    _rec_name = "payer_id"

    payer_id = fields.Many2one(
        "res.partner",
        required=True,
        ondelete="cascade",
        domain="[('healthcare_is_payer', '=', True)]",
    )
    service_id = fields.Many2one(
        "healthcare.service",
        index="btree_not_null",
        ondelete="cascade",
        help="Empty: all services of this payer that have no rule of their own.",
    )
    required = fields.Boolean(
        string="Needs Authorization",
        default=True,
        help="Whether the payer wants to approve the service beforehand. This "
        "outweighs what the service itself says, in both directions.",
    )
    note = fields.Char(help="Where this is written, e.g. a section of the contract.")

    _payer_service_unique = models.UniqueIndex(
        "(payer_id, COALESCE(service_id, 0))",
        "This payer has a rule for this service already.",
    )

    @api.model
    def _of_payers(self, payer_ids):
        """Return ``{(payer id, service id or False): needed}``, in one query."""
        if not payer_ids:
            return {}
        return {
            (rule.payer_id.id, rule.service_id.id): rule.required
            for rule in self.search([("payer_id", "in", list(payer_ids))])
        }

    @api.model_create_multi
    def create(self, vals_list):
        rules = super().create(vals_list)
        rules._judge_visits(rules.payer_id)
        return rules

    def write(self, vals):
        payers = self.payer_id
        result = super().write(vals)
        if {"payer_id", "service_id", "required"} & vals.keys():
            self._judge_visits(payers | self.payer_id)
        return result

    def unlink(self):
        payers = self.payer_id
        result = super().unlink()
        self._judge_visits(payers)
        return result

    @api.model
    def _judge_visits(self, payers):
        """Judge these payers' coming visits anew, and let go what waited for them."""
        self._judge_again(
            [("patient_id.healthcare_coverage_ids.payer_id", "in", payers.ids)],
            [("payer_id", "in", payers.ids)],
        )

    @api.model
    def _judge_again(self, visits, issues):
        """Judge coming visits anew, and look again at what waits for authorization.

        :param visits: domain of the visits concerned
        :param issues: domain of the exceptions concerned
        """
        # Stands in for the system: a rule concerns visits and held events of every
        # company, on which who sets it up has no right.
        system = self.env(su=True)
        changed = (
            system["healthcare.appointment"]
            .search([("state", "in", UPCOMING), *visits])
            ._compute_clearance()
        )
        changed._emit_appointments(dict.fromkeys(changed))
        held = system["healthcare.exception"].search(
            [("category", "=", "authorization_gap"), ("is_open", "=", True), *issues]
        )
        held._cause_gone([key for key in held.mapped("cause_key") if key])


class HealthcareService(models.Model):
    _inherit = "healthcare.service"

    authorization_rule_ids = fields.One2many(
        "healthcare.authorization.rule", "service_id", groups=READERS
    )

    def write(self, vals):
        result = super().write(vals)
        if "authorization_required" in vals:
            self.env["healthcare.authorization.rule"]._judge_again(
                [("line_ids.service_id", "in", self.ids)],
                [("appointment_id.line_ids.service_id", "in", self.ids)],
            )
        return result


class ResPartner(models.Model):
    _inherit = "res.partner"

    healthcare_authorization_rule_ids = fields.One2many(
        "healthcare.authorization.rule", "payer_id", groups=READERS
    )
