"""Patients: who they are, by which numbers they are known, who insures them."""

from odoo import api, models
from odoo.fields import Domain

from ...core.mapping import vocabulary
from ..erp.values import changed, day, newer, stamp


def _upper(text):
    return (text or "").strip().upper()


class HealthcareWorkflowRegistration(models.AbstractModel):
    _name = "healthcare.workflow.registration"
    _description = "Registration Workflow"
    _inherit = "healthcare.workflow"

    @api.model
    def _on_registration_created(self, events):
        self._register_patients(events)

    @api.model
    def _on_registration_updated(self, events):
        self._register_patients(events)

    @api.model
    def _register_patients(self, events):
        """Create or update patients; both kinds of event carry the same.

        An update that arrives first creates the patient, and the creation that comes
        late fills what the update did not carry.
        """
        events = self._without_facility(events)
        for group in self._apart(events, lambda e: self._patient_keys(e._content())):
            self._register_group(group)

    @api.model
    def _register_group(self, events):
        contents = {event: event._content() for event in events}
        keys = {event: self._patient_keys(data) for event, data in contents.items()}
        payers = self._payers_by_code(
            coverage["payer"]["code"]
            for data in contents.values()
            for coverage in data.get("coverages") or ()
        )
        found = self._identifiers_by_subject(key for ks in keys.values() for key in ks)
        known = {key: identifier.partner_id for key, identifier in found.items()}
        patients = {}
        for event, data in contents.items():
            owners = {known[key].id for key in keys[event] if key in known}
            if len(owners) > 1:
                self._park_two_patients(event, owners)
            elif self._payers_known(event, data, payers):
                patients[event] = next(
                    (known[k] for k in keys[event] if k in known), None
                )
        if not patients:
            return
        places = self._places(contents[event] for event in patients)
        created = self._create_patients(
            {e: contents[e] for e, patient in patients.items() if not patient}, places
        )
        touched = set()
        for event, patient in patients.items():
            if patient:
                level = self._level(keys[event], found)
                self._update_patient(
                    event, contents[event], patient, places, touched, level
                )
        patients.update(created)
        self._add_identifiers(contents, keys, patients, known, touched)
        self.env["healthcare.coverage"]._merge(
            [
                (event, patient, coverage, payers[coverage["payer"]["code"]], 0)
                for event, patient in patients.items()
                for coverage in contents[event].get("coverages") or ()
            ],
            touched,
        )
        self._set_guarantors(contents, patients, keys, found)
        self._finish(keys, patients, created, touched)

    @api.model
    def _payers_known(self, event, data, payers):
        for coverage in data.get("coverages") or ():
            code = coverage["payer"]["code"]
            if code not in payers:
                event._park(
                    "missing_payer",
                    self.env._("No payer has the code %s.", code),
                    cause=f"payer/{code}",
                )
                return False
        return True

    # -- patients ---------------------------------------------------------------

    @api.model
    def _parts(self, data, places):
        """Return ``{part: {field: value}}`` of what a registration carries."""
        patient = data["patient"]
        parts = {}
        if name := patient.get("name"):
            names = [*(name.get("given") or ()), name["family"]]
            parts["name"] = {"name": " ".join(names)}
        if patient.get("birth_date"):
            parts["birth_date"] = {"healthcare_birth_date": day(patient["birth_date"])}
        if patient.get("sex"):
            parts["sex"] = {"healthcare_sex": vocabulary.sex(patient["sex"])}
        if patient.get("phones"):
            parts["phone"] = {"phone": patient["phones"][0]}
        if patient.get("emails"):
            parts["email"] = {"email": patient["emails"][0]}
        if patient.get("address"):
            parts["address"] = self._address(patient["address"], places)
        if number := data.get("account_number"):
            parts["account"] = {
                "healthcare_account_number": number,
                "healthcare_account_key": self.env["healthcare.ordering"]._account_key(
                    number
                ),
            }
        return parts

    @api.model
    def _address(self, address, places):
        countries, states = places
        lines = address.get("lines") or []
        written = _upper(address.get("state"))
        if address.get("country"):
            country = countries.get(vocabulary.country(address["country"]))
        else:
            # At home nobody writes the country.
            home = self.env.company.country_id.id
            country = home if (home, written) in states else False
        return {
            "street": lines[0] if lines else False,
            "street2": ", ".join(lines[1:]) or False,
            "city": address.get("city") or False,
            "zip": address.get("postal_code") or False,
            "country_id": country or False,
            "state_id": states.get((country, written)) or False,
        }

    @api.model
    def _places(self, contents):
        """Return ``({code: country id}, {(country id, code or name): state id})``.

        Codes and names are in capitals.
        """
        addresses = [data["patient"].get("address") or {} for data in contents]
        codes = {vocabulary.country(a.get("country") or "") for a in addresses}
        written = {(a.get("state") or "").strip() for a in addresses} - {""}
        countries = self.env["res.country"].search_fetch(
            [("code", "in", list(codes - {None}))], ["code"]
        )
        found = self.env["res.country.state"].search_fetch(
            Domain("country_id", "in", [*countries.ids, self.env.company.country_id.id])
            & (
                Domain("code", "in", [text.upper() for text in written])
                | Domain("name", "in", [*written, *map(str.title, written)])
            ),
            ["code", "name", "country_id"],
        )
        states = {(s.country_id.id, _upper(s.name)): s.id for s in found}
        states |= {(s.country_id.id, _upper(s.code)): s.id for s in found}
        return {country.code: country.id for country in countries}, states

    @api.model
    def _create_patients(self, contents, places):
        if not contents:
            return {}
        partners = self.env["res.partner"]
        references = self._sequence_numbers("healthcare.patient", len(contents))
        vals_list = []
        for (event, data), reference in zip(contents.items(), references, strict=True):
            values, known = newer({}, stamp(event), self._parts(data, places))
            vals_list.append(
                {
                    "healthcare_is_patient": True,
                    "healthcare_reference": reference,
                    "healthcare_known_at": event.occurred_at,
                    "healthcare_known_fields": known,
                    **values,
                    **partners._healthcare_match_values(
                        values.get("name"), values.get("healthcare_birth_date")
                    ),
                }
            )
        # A new patient has neither parent nor children to keep in step with.
        created = partners.with_context(_partners_skip_fields_sync=True).create(
            vals_list
        )
        return dict(zip(contents, created.with_env(self.env), strict=True))

    @api.model
    def _update_patient(self, event, data, patient, places, touched, level):
        parts = self._parts(data, places)
        if level < 0:
            self._keep_account_number(patient, parts.get("account"))
        values, known = newer(
            patient.healthcare_known_fields, stamp(event, level), parts
        )
        values = changed(patient, values)
        if values:
            touched.add(patient)
        if not patient.healthcare_known_at or (
            event.occurred_at > patient.healthcare_known_at
        ):
            values["healthcare_known_at"] = event.occurred_at
        elif not values:
            event._note_stale()
        if known != patient.healthcare_known_fields:
            values["healthcare_known_fields"] = known
        if values:
            patient.write(values)

    @api.model
    def _add_identifiers(self, contents, keys, patients, known, touched):
        vals_list = []
        for event, patient in patients.items():
            identifiers = contents[event]["patient"]["identifiers"]
            for position, identifier in enumerate(identifiers):
                key = keys[event][position]
                if key in known:
                    continue
                known[key] = patient
                touched.add(patient)
                vals_list.append(
                    {
                        "partner_id": patient.id,
                        "system": identifier["system"],
                        "value": identifier["value"],
                        "sequence": 1 if position == 0 else 10,
                        "subject": key,
                    }
                )
        self.env["healthcare.patient.identifier"].create(vals_list)

    @api.model
    def _finish(self, keys, patients, created, touched):
        for event, patient in patients.items():
            event._link(patient)
            event._announce(*keys[event], patient.healthcare_account_key)
            if patient.healthcare_coverage_ids:
                event._announce(*(f"coverage/{key}" for key in keys[event]))
        new = set(created.values())
        self._refresh_clearance(
            {p: event for event, p in patients.items() if p in touched and p not in new}
        )
        touched |= new
        told = {event: p for event, p in patients.items() if p in touched}
        self._emit_registrations(told)
        self._watch_duplicates(told, touched - new)

    @api.model
    def _emit_registrations(self, patients):
        self.env["healthcare.fact"]._emit(
            "registration",
            [
                {
                    "document": patient,
                    "event": event,
                    "facility": event.facility_id,
                    "patient": patient,
                    "values": self._registration_values(patient),
                }
                for event, patient in patients.items()
            ],
        )

    @api.model
    def _registration_values(self, patient):
        """Return the columns of a registration fact."""
        born = patient.healthcare_birth_date
        first = patient.healthcare_coverage_ids[:1]
        return {
            "sex": patient.healthcare_sex or None,
            "birth_date": born.isoformat() if born else None,
            "postal_code": patient.zip or None,
            "country": patient.country_id.code or None,
            "payer": first.payer_id.healthcare_payer_code or None,
            "coverages": len(patient.healthcare_coverage_ids),
            "coverage_status": first.status or None,
        }
