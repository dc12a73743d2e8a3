"""Configuration from one environment to another: what people set up, as one document.

No secrets, no keys, no patients, and nothing that belongs to one database: records are
named by their codes. What exists under the same code is changed, what does not is made;
nothing is ever removed. Importing the same document again changes nothing.
"""

from collections import namedtuple

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

FORMAT = "healthcare-connector-configuration"
VERSION = 1
#: What a field must not be called to leave.
_SECRET = ("secret", "token", "password", "sealed", "credential", "private", "cert")
_KINDS = {
    *("char", "text", "boolean", "integer", "float", "selection", "date", "json"),
    *("many2one", "many2many"),
}
#: How records that are not ours are named: the first that is set.
_NAMES = {
    "res.partner": ("healthcare_payer_code",),
    "product.product": ("default_code",),
    "account.account": ("code",),
    "account.journal": ("code",),
    "stock.warehouse": ("code",),
    "res.users": ("login",),
}

Section = namedtuple(
    "Section", "model key leave domain only needs", defaults=((), (), (), ())
)
_HERE = ("active", "paused", "pause_reason")
#: In this order: what others name comes first. ``leave`` stays as each database has it;
#: a row that names one of ``needs`` means nothing where that is not.
SECTIONS = (
    Section("healthcare.service.line", ("code",)),
    Section(
        "res.partner",
        ("healthcare_payer_code",),
        domain=(
            ("healthcare_is_payer", "=", True),
            ("healthcare_is_patient", "=", False),
            ("healthcare_payer_code", "!=", False),
        ),
        only=(
            *("name", "healthcare_payer_code", "healthcare_is_payer"),
            "healthcare_copay_at_service",
        ),
    ),
    Section("healthcare.facility", ("code",)),
    Section("healthcare.service", ("code",)),
    Section("healthcare.service.supply", ("service_id", "product_id")),
    Section("healthcare.modifier", ("code",)),
    Section(
        "healthcare.source",
        ("code",),
        (*_HERE, "environment", "user_id", "allowed_networks", "allowed_origins"),
    ),
    Section(
        "healthcare.value.map",
        ("source_id", "kind", "code"),
        ("to_code",),
        needs=("service_id", "product_id", "payer_id"),
    ),
    Section("healthcare.event.type", ("code",), ("version", "workflow", "rank")),
    Section("healthcare.exception.policy", ("category", "facility_id", "payer_id")),
    Section("healthcare.authorization.rule", ("payer_id", "service_id")),
    Section("healthcare.target", ("name",), (*_HERE, "policy_approver_id")),
    Section("healthcare.alert.rule", ("name", "company_id"), ("email_to",)),
)
MAPPINGS = "healthcare.mapping"

#: One difference: ``change`` is new, changed, same or problem; ``values`` to write.
Difference = namedtuple("Difference", "model name change text values record")


class HealthcareConfiguration(models.AbstractModel):
    """Writes the document, compares it with what is here, and brings it in."""

    _name = "healthcare.configuration"
    _description = "Configuration to Carry Over"

    @api.model
    def _check_allowed(self):
        if not self.env.user.has_group("healthcare_connector.group_administrator"):
            raise AccessError(self.env._("Only administrators carry over settings."))

    # -- out ----------------------------------------------------------------------

    @api.model
    def _export(self):
        """Return the configuration of this database as a document for JSON."""
        self._check_allowed()
        sections = {}
        for section in SECTIONS:
            records = self._records(section)
            rows = [self._row(section, record) for record in records]
            rows = [row for row in rows if row is not None]
            sections[section.model] = sorted(rows, key=str)
        mappings = self.env[MAPPINGS].search([("state", "=", "active")])
        sections[MAPPINGS] = [
            {
                "source_id": mapping.source_id.code,
                "format": mapping.format,
                "kind": mapping.kind,
                "document": _content(mapping._document()),
            }
            for mapping in mappings.sorted(lambda m: m._label())
            if mapping.source_id
        ]
        module = self.env.ref("base.module_healthcare_connector").sudo()
        return {
            "format": FORMAT,
            "version": VERSION,
            "addon": module.installed_version,
            "exported_at": fields.Datetime.now().isoformat() + "Z",
            "sections": sections,
        }

    @api.model
    def _records(self, section):
        model = self.env[section.model].with_context(lang=None, active_test=False)
        domain = [("active", "=", True)] if "active" in model._fields else []
        return model.search([*domain, *section.domain])

    @api.model
    def _fields_of(self, section):
        """Return the names of the fields that are carried over."""
        names = []
        for name, field in self.env[section.model]._fields.items():
            own = field.store and not field.related and name not in models.MAGIC_COLUMNS
            set_here = not field.readonly or name in section.key
            secret = field.groups == fields.NO_ACCESS or any(
                word in name for word in _SECRET
            )
            mail = name.startswith(("message_", "activity_", "website_message"))
            computed = field.compute and field.readonly
            # people are others in another environment
            person = field.comodel_name == "res.users"
            if section.only and name not in section.only or person:
                continue
            if (
                own
                and set_here
                and field.type in _KINDS
                and not (secret or mail or computed or name in section.leave)
            ):
                names.append(name)
        return sorted(names)

    @api.model
    def _row(self, section, record):
        """Return a record by names; ``None`` when its key cannot be told."""
        row = {}
        for name in self._fields_of(section):
            value = record[name]
            if isinstance(value, models.BaseModel):
                several = record._fields[name].type == "many2many"
                told = [self._name_of(one) for one in value.sudo()]
                told = sorted(one for one in told if one)
                value = told if several else (told[0] if told else None)
                if record[name] and not value:
                    if name in section.key:
                        return None
                    continue  # it has no code to be named by
            elif name == "url":
                value = value.split("?")[0]  # tokens stand there
            elif record._fields[name].type == "date":
                value = value.isoformat() if value else None
            row[name] = value
        return row

    @api.model
    def _name_of(self, record):
        """Return what a record is called in every database, or ``None``."""
        for name in _NAMES.get(record._name, ("code",)):
            if name in record._fields and record[name]:
                return record[name]
        if record._name in ("res.company", "healthcare.target"):
            return record.name
        return record._get_external_ids()[record.id][:1] and (
            "xmlid:" + record._get_external_ids()[record.id][0]
        )

    # -- in -----------------------------------------------------------------------

    @api.model
    def _check_document(self, document):
        """Refuse what is no document of ours, or of a later version."""
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise UserError(self.env._("This file holds no configuration of ours."))
        if document.get("version") != VERSION:
            raise UserError(
                self.env._("This file was written by another version of the connector.")
            )
        sections = document.get("sections")
        known = {section.model for section in SECTIONS} | {MAPPINGS}
        rows = sections.values() if isinstance(sections, dict) else [None]
        good = all(
            isinstance(found, list) and all(isinstance(row, dict) for row in found)
            for found in rows
        )
        if not good or set(sections) - known:
            raise UserError(self.env._("This file holds something unknown."))

    @api.model
    def _compare(self, document):
        """Return the :class:`Difference` of each row with what is here."""
        self._check_allowed()
        self._check_document(document)
        found, coming = [], set()
        for section in SECTIONS:
            for row in document["sections"].get(section.model, []):
                found.append(self._compare_row(section, row, coming))
        for row in document["sections"].get(MAPPINGS, []):
            found.append(self._compare_mapping(row, coming))
        return found

    @api.model
    def _compare_row(self, section, row, coming):
        names = self._fields_of(section)
        label = " · ".join(str(row.get(name) or "*") for name in section.key)
        values, missing = {}, []
        # Unknown names are of another version or not meant to be set: left alone.
        for name in (name for name in names if name in row):
            try:
                values[name] = self._value(section.model, name, row[name])
            except LookupError as error:
                missing.append((name, error.args[0]))
        model = self.env[section.model]
        absent = [
            (name, code)
            for name, code in missing
            if (model._fields[name].comodel_name, code) not in coming
        ]
        told = ", ".join(
            f"{model._fields[name]._description_string(self.env)} {code}"
            for name, code in absent
        )
        if any(
            name in (*section.key, *section.needs) or model._fields[name].required
            for name, _code in absent
        ):
            text = self.env._("Not here: %s", told)
            return Difference(section.model, label, "problem", text, {}, None)
        note = self.env._("Left out, since it is not here: %s", told) if told else ""
        coming.add((section.model, row.get(section.key[0])))
        # A key that is missing comes with the same document; so nothing has it yet.
        keyed = not any(name in section.key for name, _code in missing)
        record = self._find(section, values) if keyed else None
        if not record:
            return Difference(section.model, label, "new", note, values, None)
        changed = {
            name: value
            for name, value in values.items()
            # where a target is, is each environment's own
            if name != "url" and self._differs(record, name, value)
        }
        text = ", ".join(
            record._fields[name]._description_string(self.env) for name in changed
        )
        text = ". ".join(part for part in (text, note) if part)
        kind = "changed" if changed else "same"
        return Difference(section.model, label, kind, text, changed, record)

    @api.model
    def _find(self, section, values):
        domain = [(name, "=", values.get(name, False)) for name in section.key]
        model = self.env[section.model].with_context(active_test=False, lang=None)
        return model.search(domain, limit=1)

    @api.model
    def _differs(self, record, name, value):
        present = record[name]
        if isinstance(present, models.BaseModel):
            many = record._fields[name].type == "many2many"
            wanted = set(value[0][2]) if many else {value or False}
            return wanted != (set(present.ids) or ({False} if not many else set()))
        return present != record._fields[name].convert_to_record(
            record._fields[name].convert_to_cache(value, record), record
        )

    @api.model
    def _value(self, model, name, value):
        """Return a value to write, names resolved.

        :raise LookupError: with the name that nothing here has
        """
        field = self.env[model]._fields[name]
        if field.type == "many2one":
            return self._resolve(field.comodel_name, value).id if value else False
        if field.type == "many2many":
            ids = [self._resolve(field.comodel_name, one).id for one in value or []]
            return [fields.Command.set(ids)]
        return False if value is None else value

    @api.model
    def _resolve(self, model, code):
        if isinstance(code, str) and code.startswith("xmlid:"):
            record = self.env.ref(code[6:], raise_if_not_found=False)
            if record and record._name == model:
                return record
            raise LookupError(code)
        records = self.env[model].with_context(active_test=False, lang=None)
        names = _NAMES.get(model, ("code",))
        if model in ("res.company", "healthcare.target"):
            names = ("name",)
        for name in names:
            if name in records._fields and (
                found := records.search([(name, "=", code)], limit=1)
            ):
                return found
        raise LookupError(code)

    @api.model
    def _compare_mapping(self, row, coming):
        label = " · ".join(str(row.get(n)) for n in ("source_id", "format", "kind"))
        code = row.get("source_id")
        source = self.env["healthcare.source"].search([("code", "=", code)], limit=1)
        if not source and ("healthcare.source", code) not in coming:
            text = self.env._("Not here: %s", code)
            return Difference(MAPPINGS, label, "problem", text, {}, None)
        same = self.env[MAPPINGS].search(
            [
                ("source_id", "=", source.id),
                ("format", "=", row.get("format")),
                ("kind", "=", row.get("kind")),
                ("state", "in", ("active", "draft")),
            ]
        )
        if source and any(
            _content(one._document()) == _content(row.get("document")) for one in same
        ):
            return Difference(MAPPINGS, label, "same", "", {}, None)
        text = self.env._("A draft, to be tried out and put in force here")
        return Difference(
            MAPPINGS, label, "changed" if same else "new", text, row, source
        )

    @api.model
    def _apply(self, document):
        """Bring a document in; return what was done as differences.

        Rows with a problem are left out. Targets and sources that are new come paused:
        they have neither secrets nor keys yet.
        """
        self._check_allowed()
        self._check_document(document)
        done, coming = [], set()
        for section in SECTIONS:
            for row in document["sections"].get(section.model, []):
                difference = self._compare_row(section, row, coming)
                done.append(difference)
                if difference.change == "changed":
                    difference.record.write(difference.values)
                elif difference.change == "new":
                    values = dict(difference.values)
                    if section.model in ("healthcare.source", "healthcare.target"):
                        values["paused"] = True
                    self.env[section.model].create(values)
        for row in document["sections"].get(MAPPINGS, []):
            difference = self._compare_mapping(row, coming)
            done.append(difference)
            if difference.change in ("new", "changed"):
                self.env[MAPPINGS]._from_document(
                    row.get("document"),
                    difference.record,
                    row.get("kind"),
                    self.env._("another environment"),
                )
        return done


def _content(document):
    """Return a mapping without its number, which each database counts itself."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name != "version"}
