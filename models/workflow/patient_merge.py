"""Two accounts of one person: noticed at registration, merged when a source says so."""

from odoo import api, models


class HealthcareWorkflow(models.AbstractModel):
    _inherit = "healthcare.workflow"

    @api.model
    def _identifiers_by_subject(self, subjects):
        """Return ``{patient key: healthcare.patient.identifier}``."""
        identifiers = self.env["healthcare.patient.identifier"].search(
            [("subject", "in", list(subjects))]
        )
        return {identifier.subject: identifier for identifier in identifiers}

    @api.model
    def _patients_by_account(self, keys):
        """Return ``{account key: patient}``, accounts that were merged included.

        :param keys: keyed hashes of account numbers, ``account/…``
        """
        keys = [key for key in keys if key]
        # An account number that ended is kept as a number of the survivor.
        found = self._patients_by_subject(keys)
        patients = self.env["res.partner"].search(
            [("healthcare_account_key", "in", keys)]
        )
        found.update({one.healthcare_account_key: one for one in patients})
        return found


class HealthcareWorkflowRegistration(models.AbstractModel):
    _inherit = "healthcare.workflow.registration"

    # -- what registration asks -------------------------------------------------

    @api.model
    def _level(self, keys, found):
        """Return how much the word of an event weighs: less under a retired number."""
        known = [found[key] for key in keys if key in found]
        return -1 if known and all(one.retired for one in known) else 0

    @api.model
    def _keep_account_number(self, patient, account):
        if account:
            self.env["healthcare.patient.identifier"]._add_account_number(
                patient,
                account["healthcare_account_number"],
                account["healthcare_account_key"],
            )

    @api.model
    def _park_two_patients(self, event, owners):
        """Park an event whose numbers belong to several patients, two of them named."""
        low, high = sorted(owners)[:2]
        event._park(
            "duplicate_patient",
            self.env._("The numbers of this patient belong to two patients."),
            cause=f"duplicate/{low}/{high}",
            patient_id=high,
            res_model="res.partner",
            res_id=low,
        )

    # -- probable duplicates ----------------------------------------------------

    @api.model
    def _watch_duplicates(self, patients, known):
        """Tell of patients who look like others, and take back what no longer holds.

        Nothing is held back and nobody is merged: a person decides.

        :param patients: ``{event: patient}`` that are new or changed
        :param known: those that were there before
        """
        if not patients:
            return
        event_of = {patient.id: event for event, patient in patients.items()}
        partners = self.env["res.partner"].browse(event_of)
        alike = partners._healthcare_find_duplicates()
        for pair, agrees in alike.items():
            event = event_of.get(pair[1]) or event_of[pair[0]]
            values = partners._healthcare_duplicate_values(pair, agrees)
            event._raise_issue(
                values.pop("category"),
                values.pop("reason"),
                values.pop("fingerprint"),
                cause=values.pop("cause_key"),
                **values,
            )
        if not known:
            return
        before = partners.browse([one.id for one in known])
        for issue in before._healthcare_open_duplicates():
            pair = issue._duplicate_pair()
            if issue.blocks_event or not pair or pair in alike:
                continue
            event = event_of.get(pair[1]) or event_of.get(pair[0])
            event._resolve_issues(issue.fingerprint)

    # -- merges -----------------------------------------------------------------

    @api.model
    def _on_patient_merged(self, events):
        """Make the retired account part of the survivor.

        Seldom, and each moves documents of many kinds: one after the other.
        """
        for event in self._without_facility(events):
            self._merge_patients(event)

    @api.model
    def _merge_patients(self, event):
        data = event._content()
        keys = {
            side: self._patient_keys({"patient": data[side]})
            for side in ("survivor", "retired")
        }
        found = self._identifiers_by_subject(keys["survivor"] + keys["retired"])
        sides = {}
        for side, ones in keys.items():
            owners = {
                found[key].partner_id._healthcare_survivor()
                for key in ones
                if key in found
            }
            if not owners:
                event._park(
                    "missing_dependency",
                    self.env._("One of the two patients is not registered yet."),
                    cause=ones[0],
                )
                return
            if len(owners) > 1:
                self._park_two_patients(event, {owner.id for owner in owners})
                return
            sides[side] = owners.pop()
        survivor = sides["survivor"]
        # Perhaps told of by this very batch, and not written yet.
        low, high = sorted((survivor.id, sides["retired"].id))
        event._resolve_issues(f"duplicate/{low}/{high}")
        sides["retired"]._healthcare_merge_into(survivor, event=event)
        self._add_merged_identifiers(data, keys, found, survivor)
        event._link(survivor | sides["retired"])
        event._announce(*keys["survivor"], *keys["retired"])

    @api.model
    def _add_merged_identifiers(self, data, keys, found, survivor):
        """Keep the numbers that the merge is the first to tell of."""
        vals_list, seen = [], set(found)
        for side, ones in keys.items():
            for key, one in zip(ones, data[side]["identifiers"], strict=True):
                if key not in seen:
                    seen.add(key)
                    vals_list.append(
                        {
                            "partner_id": survivor.id,
                            "system": one["system"],
                            "value": one["value"],
                            "sequence": 20 if side == "retired" else 10,
                            "subject": key,
                            "retired": side == "retired",
                        }
                    )
        self.env["healthcare.patient.identifier"].create(vals_list)

    @api.model
    def _retell_registration(self, patient, event):
        """Tell analytics of a patient anew."""
        facts = self.env["healthcare.fact"]
        last = facts._latest({(patient._name, patient.id)})
        facts._emit(
            "registration",
            [
                {
                    "document": patient,
                    "event": event,
                    "facility": event.facility_id if event else last[:1].facility_id,
                    "patient": patient,
                    "values": self._registration_values(patient),
                }
            ],
        )
