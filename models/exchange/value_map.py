"""What a source's codes mean: their code, our code."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ...core.mapping import value_maps

#: Kinds translated when an event is worked on; the others when a message is mapped.
KINDS = [
    ("services", "Service"),
    ("supplies", "Supply"),
    ("payers", "Payer"),
    ("facilities", "Facility"),
    ("locations", "Location"),
    ("statuses", "Status"),
    ("identifier_systems", "Issuer of Patient Numbers"),
    ("relationships", "Relationship to the Insured"),
    ("plans", "Insurance Plan"),
    ("adjustment_groups", "Adjustment Group"),
]
#: Kind -> the field that holds the record meant, and where that has its code.
TARGETS = {
    "services": ("service_id", "code"),
    "supplies": ("product_id", "default_code"),
    "payers": ("payer_id", "healthcare_payer_code"),
    "facilities": ("facility_id", "code"),
}
#: Kind -> how causes of exceptions name it.
CAUSES = {
    "services": "service",
    "supplies": "supply",
    "payers": "payer",
    "facilities": "facility",
}
#: How causes name codes of all other kinds, which keep a message from being mapped.
REFUSED = "code"
#: Kinds needed as messages come in.
AT_INTAKE = (
    "facilities",
    *(kind for kind, _name in KINDS if kind not in value_maps.PLACES),
)
CACHE = "healthcare.value_maps"


def cause(kind, code):
    """Return the key of the exceptions that wait for the meaning of a code."""
    return f"{CAUSES[kind]}/{code}" if kind in CAUSES else f"{REFUSED}/{kind}/{code}"


def meant(cause_key):
    """Return ``(kind, code)`` of a cause's key, or None when it names no code."""
    name, _slash, rest = (cause_key or "").partition("/")
    if name == REFUSED:
        kind, _slash, code = rest.partition("/")
        return (kind, code) if kind in dict(KINDS) and code else None
    kind = next((kind for kind, known in CAUSES.items() if known == name), None)
    return (kind, rest) if kind and rest else None


class HealthcareValueMap(models.Model):
    """One code of one source and what it means here.

    Writing one lets go on what is parked for the code, of this source.
    """

    _name = "healthcare.value.map"
    _description = "Code of a Source"
    _order = "source_id, kind, code"
    _rec_name = "code"

    source_id = fields.Many2one(
        "healthcare.source", required=True, index=True, ondelete="cascade"
    )
    kind = fields.Selection(KINDS, required=True, default="services")
    code = fields.Char(
        string="Their Code", required=True, help="As the source sends it."
    )
    service_id = fields.Many2one("healthcare.service", ondelete="cascade")
    product_id = fields.Many2one(
        "product.product",
        string="Supply",
        ondelete="cascade",
        domain="[('type', '=', 'consu')]",
    )
    payer_id = fields.Many2one(
        "res.partner",
        ondelete="cascade",
        domain="[('healthcare_is_payer', '=', True)]",
    )
    facility_id = fields.Many2one("healthcare.facility", ondelete="cascade")
    to_code = fields.Char(
        string="Our Code",
        compute="_compute_to_code",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
    )

    _code_unique = models.UniqueIndex(
        "(source_id, kind, code)", "This code of the source has a meaning already."
    )

    @api.depends(
        "kind",
        "service_id.code",
        "product_id.default_code",
        "payer_id.healthcare_payer_code",
        "facility_id.code",
    )
    def _compute_to_code(self):
        for one in self:
            field, code = TARGETS.get(one.kind, (None, None))
            if field and one[field]:
                one.to_code = one[field][code]
            else:
                one.to_code = one.to_code or False

    @api.constrains("kind", "code", "to_code")
    def _check_code(self):
        for one in self:
            if not (one.code or "").strip() or not (one.to_code or "").strip():
                raise ValidationError(
                    self.env._("A code needs a meaning that has a code itself.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals["code"] = (vals.get("code") or "").strip()
        maps = super().create(vals_list)
        maps._changed()
        return maps

    def write(self, vals):
        result = super().write(vals)
        self._changed()
        return result

    def unlink(self):
        result = super().unlink()
        self._forget()
        return result

    # -- what waits for a meaning -----------------------------------------------

    def _forget(self):
        for name in (CACHE, "healthcare.contents"):
            self.env.cr.postcommit.data.pop(name, None)

    def _changed(self):
        """Run again what was parked for these codes of these sources."""
        self._forget()
        self.flush_recordset()
        # Stands in for the system: whoever says what a code means lets waiting
        # events go on without having any right on them.
        exceptions = self.env["healthcare.exception"].sudo()
        for source, maps in self.grouped("source_id").items():
            held = exceptions.search(
                [
                    ("source_id", "=", source.id),
                    ("cause_key", "in", [cause(one.kind, one.code) for one in maps]),
                    ("state", "in", ("open", "assigned")),
                    ("blocks_event", "=", True),
                ]
            ).event_id
            refused = held.filtered("rejected")
            self.env["healthcare.engine"].sudo()._requeue((held - refused).ids)
            self.env["healthcare.intake"].sudo()._replay(refused.message_id)

    # -- applying ---------------------------------------------------------------

    @api.model
    def _of_sources(self, source_ids, kinds):
        """Return ``{source id: {kind: {their code: our code}}}``, asked once.

        :param tuple kinds: those wanted; a source may have many codes of others
        """
        known = self.env.cr.postcommit.data.setdefault(CACHE, {})
        missing = [one for one in source_ids if (one, kinds) not in known]
        if missing:
            known.update({(one, kinds): {} for one in missing})
            self.flush_model(["source_id", "kind", "code", "to_code"])
            for source_id, kind, code, to_code in self.env.execute_query(
                SQL(
                    """SELECT source_id, kind, code, to_code FROM healthcare_value_map
                    WHERE source_id IN %s AND kind IN %s""",
                    tuple(missing),
                    kinds,
                )
            ):
                known[source_id, kinds].setdefault(kind, {})[code] = to_code
        return {one: known[one, kinds] for one in source_ids}

    @api.model
    def _apply(self, contents_by_source):
        """Put the sources' codes into ours, in place.

        :param contents_by_source: ``{source id: [canonical data]}``
        """
        maps = self._of_sources(list(contents_by_source), tuple(value_maps.PLACES))
        for source_id, contents in contents_by_source.items():
            if maps[source_id]:
                for data in contents:
                    value_maps.translate(data, maps[source_id])

    @api.model
    def _for_mapping(self, source, mapping):
        """Return the value maps to map messages with: the source's over the mapping's.

        :param mapping: :class:`~..core.mapping.mapping.Mapping`
        """
        ours = self._of_sources([source.id], AT_INTAKE)[source.id]
        result = {}
        for kind, codes in ours.items():
            if kind in value_maps.PLACES:
                continue  # translated when the event is worked on
            shipped = mapping.document.get("maps", {}).get(kind, {})
            strict = False
            if isinstance(shipped.get("values"), dict):
                strict, shipped = shipped.get("strict", False), shipped["values"]
            result[kind] = {"values": {**shipped, **codes}, "strict": strict}
        return result
