"""Users limited to facilities: what they see of all that belongs to one.

The rules are in ``security/facility_rules.xml``. They compare columns with short lists
of ids, which are kept per user until somebody changes them.
"""

from collections import namedtuple

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

#: ``facilities``: ids, none for a user without limit; ``own_sources``: ids of sources
#: that speak for these facilities only; ``sources``: of those that speak for any of
#: them or for all
Limit = namedtuple("Limit", "facilities own_sources sources")
NO_LIMIT = Limit((), (), ())


class ResUsers(models.Model):
    _inherit = "res.users"

    healthcare_facility_ids = fields.Many2many(
        "healthcare.facility",
        "healthcare_facility_user_rel",
        "user_id",
        "facility_id",
        string="Limited to Facilities",
        ondelete="restrict",
        context={"active_test": False},
        help="What belongs to other facilities is not seen by this user. Empty: all "
        "facilities of the user's companies.",
    )

    def _healthcare_limit(self):
        """Return the :class:`Limit` of a user; :data:`NO_LIMIT` when there is none."""
        self.ensure_one()
        return self._healthcare_limit_of(self.id)

    @api.model
    @tools.ormcache("user_id")
    def _healthcare_limit_of(self, user_id):
        # Stands in for the system: what a user may see is asked before anything else.
        user = self.sudo().with_context(active_test=False).browse(user_id)
        facilities = user.healthcare_facility_ids
        if not facilities:
            return NO_LIMIT
        own, some = [], []
        sources = self.env["healthcare.source"].sudo()  # as above
        for source in sources.with_context(active_test=False).search(
            [("active", "in", (True, False))]
        ):
            served = source.facility_ids
            if not served or served & facilities:
                some.append(source.id)
            if served and served <= facilities:
                own.append(source.id)
        return Limit(tuple(sorted(facilities.ids)), tuple(own), tuple(some))

    def _healthcare_may_see(self, facility_id):
        """Return whether what belongs to a facility (or to none) is for this user."""
        limit = self._healthcare_limit()
        return not limit.facilities or facility_id in limit.facilities

    def _healthcare_within(self, name="facility_id", source=None):
        """Return the domain of what a user may see, for whom rules do not count.

        :param name: the field of the facility
        :param source: the field of the source, where what is of no facility is still
            seen by those whose facilities alone the source speaks for
        """
        limit = self._healthcare_limit()
        if not limit.facilities:
            return Domain.TRUE
        domain = Domain(name, "in", limit.facilities)
        if source:
            domain |= Domain(name, "=", False) & Domain(source, "in", limit.own_sources)
        return domain

    @api.model_create_multi
    def create(self, vals_list):
        if any(vals.get("healthcare_facility_ids") for vals in vals_list):
            self._check_healthcare_limiting()
        return super().create(vals_list)

    def write(self, vals):
        changes = "healthcare_facility_ids" in vals
        if changes:
            self._check_healthcare_limiting()
        result = super().write(vals)
        if changes:
            self.env.registry.clear_cache()
        return result

    @api.model
    def _check_healthcare_limiting(self):
        """Let nobody who is limited change what others, or himself, may see."""
        if not self.env.su and self.env.user._healthcare_limit().facilities:
            raise AccessError(
                self.env._(
                    "Only who sees all facilities decides what others see of them."
                )
            )


class IrRule(models.Model):
    _inherit = "ir.rule"

    @api.model
    def _eval_context(self):
        """Add what a user is limited to: three lists of ids, empty without a limit."""
        limit = self.env.user._healthcare_limit()
        return {
            **super()._eval_context(),
            "healthcare_facility_ids": list(limit.facilities),
            "healthcare_own_source_ids": list(limit.own_sources),
            "healthcare_source_ids": list(limit.sources),
        }


class HealthcareFacility(models.Model):
    _inherit = "healthcare.facility"

    user_ids = fields.Many2many(
        "res.users",
        "healthcare_facility_user_rel",
        "facility_id",
        "user_id",
        string="Limited Users",
        domain="[('share', '=', False)]",
        groups="healthcare_connector.group_administrator",
        help="They see this facility and others that name them, and no more. Users "
        "named nowhere see all facilities.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        if any(vals.get("user_ids") for vals in vals_list):
            self.env["res.users"]._check_healthcare_limiting()
        return super().create(vals_list)

    def write(self, vals):
        if "user_ids" not in vals:
            return super().write(vals)
        self.env["res.users"]._check_healthcare_limiting()
        # Stands in for the system: whom it would free of every limit is told below.
        before = self.sudo().user_ids
        result = super().write(vals)
        self.env.flush_all()
        self.env.registry.clear_cache()
        before.invalidate_recordset(["healthcare_facility_ids"])
        freed = before.filtered(lambda user: not user._healthcare_limit().facilities)
        if freed:
            raise UserError(
                self.env._(
                    "%s would then see all facilities. Change it in the settings of "
                    "users if that is meant.",
                    ", ".join(freed.mapped("name")),
                )
            )
        return result


class HealthcareSource(models.Model):
    _inherit = "healthcare.source"

    @api.model_create_multi
    def create(self, vals_list):
        sources = super().create(vals_list)
        self.env.registry.clear_cache()  # what limited users see by it
        return sources

    def write(self, vals):
        result = super().write(vals)
        if "facility_ids" in vals:
            self.env.registry.clear_cache()  # as above
        return result


class ResPartner(models.Model):
    """Which facilities had to do with a patient: a patient is of no one facility."""

    _inherit = "res.partner"

    healthcare_known_facility_ids = fields.Many2many(
        "healthcare.facility",
        "healthcare_facility_patient_rel",
        "partner_id",
        "facility_id",
        string="Known At",
        readonly=True,
        copy=False,
        groups="healthcare_connector.group_operator,healthcare_connector.group_auditor",
        help="Facilities whose events were about this patient, or about one this "
        "person answers for.",
    )


# Documents of events by which a facility gets to know a patient.
_BY_DOCUMENT = (
    "healthcare.appointment",
    "healthcare.authorization",
    "healthcare.claim",
    "healthcare.completion",
    "healthcare.coverage",
)


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _write_links(self, links):
        """Note, too, which patients the facilities of these events know now."""
        result = super()._write_links(links)
        self._note_patients(links)
        return result

    @api.model
    def _note_patients(self, links):
        """Tie patients of linked documents, guarantors, to events' facilities."""
        by_model = {}
        for event_id, model, res_id in links:
            by_model.setdefault(model, []).append((event_id, res_id))
        queries = []
        for model, pairs in by_model.items():
            events, documents = zip(*pairs, strict=True)
            told = SQL(
                "unnest(%s::int[], %s::int[]) AS told(event_id, id)",
                list(events),
                list(documents),
            )
            if model == "res.partner":
                queries.append(SQL("SELECT told.event_id, told.id FROM %s", told))
            elif model in _BY_DOCUMENT:
                queries.append(
                    SQL(
                        """SELECT told.event_id, d.patient_id
                        FROM %s JOIN %s d USING (id)""",
                        told,
                        SQL.identifier(self.env[model]._table),
                    )
                )
        if not queries:
            return
        # One order for all shards, or two batches could deadlock.
        self.env.execute_query(
            SQL(
                """INSERT INTO healthcare_facility_patient_rel (facility_id, partner_id)
                SELECT DISTINCT e.facility_id, x.id
                FROM (%s) AS t (event_id, patient_id)
                JOIN healthcare_event e ON e.id = t.event_id
                JOIN res_partner p ON p.id = t.patient_id AND p.healthcare_is_patient
                CROSS JOIN LATERAL
                    unnest(ARRAY[p.id, p.healthcare_guarantor_id]) AS x (id)
                WHERE e.facility_id IS NOT NULL AND x.id IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM healthcare_facility_patient_rel r
                    WHERE r.partner_id = x.id AND r.facility_id = e.facility_id)
                ORDER BY 1, 2 ON CONFLICT DO NOTHING RETURNING partner_id""",
                SQL(" UNION ALL ").join(queries),
            )
        )
        self.env["res.partner"].invalidate_model(["healthcare_known_facility_ids"])


class HealthcarePatientMerge(models.Model):
    _inherit = "healthcare.patient.merge"

    @api.model
    def _move_documents(self, retired, survivor, journal):
        """Let the survivor be known wherever the retired account was.

        That stays when the merge is undone: those facilities have seen the account.
        """
        # Stands in for the system: patients are tied to facilities by nobody's hand.
        known = retired.sudo().healthcare_known_facility_ids
        survivor.sudo().healthcare_known_facility_ids |= known
        return super()._move_documents(retired, survivor, journal)


class AccountMove(models.Model):
    _inherit = "account.move"

    def _compute_payments_widget_reconciled_info(self):
        # Stands in for the system: whoever may see an invoice is told what paid it,
        # which may be a payment that came in at another facility.
        return super(
            AccountMove, self.sudo()
        )._compute_payments_widget_reconciled_info()
