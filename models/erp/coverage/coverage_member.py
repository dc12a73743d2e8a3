"""Patients as payers know them: by member number, or by the account we told them."""

from odoo import api, fields, models

from ....core.errors import KeyringError
from ....core.mapping import value_maps


class HealthcareCoverage(models.Model):
    _inherit = "healthcare.coverage"

    member_key = fields.Char(
        compute="_compute_member_key",
        store=True,
        index="btree_not_null",
        help="Keyed hash of payer and member number: what answers of the payer that "
        "came before the coverage wait for.",
    )

    @api.depends("payer_id.healthcare_payer_code", "member_id")
    def _compute_member_key(self):
        ordering = self.env["healthcare.ordering"]
        for coverage in self:
            code, number = coverage.payer_id.healthcare_payer_code, coverage.member_id
            try:
                coverage.member_key = (
                    ordering._patient_key(
                        value_maps.MEMBER + value_maps.urn(code), number.upper()
                    )
                    if code and number
                    else False
                )
            except KeyringError:
                coverage.member_key = False

    @api.model_create_multi
    def create(self, vals_list):
        coverages = super().create(vals_list)
        keys = {key for key in coverages.mapped("member_key") if key}
        self.env["healthcare.exception"]._cause_gone(keys)
        return coverages

    # -- whom an answer is about ------------------------------------------------

    @api.model
    def _name_members(self, contents):
        """Name patients by our identifiers where a payer named them by its own.

        Of several people with one member number the insured person is meant, or who
        was born on the day and has the first name that a dependent's number says.
        Nobody is guessed: who is not certain keeps the payer's numbers, the member
        number first, and that is what the event then waits for.

        :param contents: canonical data with ``urn:x12:`` identifiers, changed in place
        """
        if not contents:
            return
        wanted = [_Member(self.env, data) for data in contents]
        by_account = self._by_account(wanted)
        by_member = self._by_member(wanted)
        for member in wanted:
            patient = by_account.get(member.account_key)
            if not patient:
                patient = member.choose(by_member.get(member.member_key, ()))
            identifiers = patient and patient.healthcare_identifier_ids
            if identifiers:
                found = [{"system": i.system, "value": i.value} for i in identifiers]
                member.data["patient"]["identifiers"] = found
            else:
                member.put_first()

    @api.model
    def _by_account(self, wanted):
        keys = {member.account_key for member in wanted if member.account_key}
        if not keys:
            return {}
        patients = self.env["res.partner"].search(
            [("healthcare_account_key", "in", list(keys))]
        )
        return {patient.healthcare_account_key: patient for patient in patients}

    @api.model
    def _by_member(self, wanted):
        keys = {member.member_key for member in wanted if member.member_key}
        if not keys:
            return {}
        coverages = self.search([("member_key", "in", list(keys))])
        return coverages.grouped("member_key")


class _Member:
    """What a payer's answer says of whom it is about."""

    def __init__(self, env, data):
        self.data = data
        self.account_key = self.member_key = self.system = self.number = None
        self.person = ()
        ordering = env["healthcare.ordering"]
        for identifier in value_maps.identifiers(data):
            system, value = identifier["system"], identifier["value"]
            if system == value_maps.ACCOUNT:
                self.account_key = ordering._account_key(value)
            elif system.startswith((value_maps.MEMBER, value_maps.DEPENDENT)):
                payer = system.rpartition(":")[2]
                number, *person = value.upper().split("/")
                if system.startswith(value_maps.MEMBER):
                    number, person = value.upper(), ()
                self.system, self.number = value_maps.MEMBER + payer, number
                self.person = tuple(person)
                self.member_key = ordering._patient_key(self.system, number)

    def choose(self, coverages):
        """Return the one patient meant, or None."""
        if self.person:
            found = {c.patient_id for c in coverages if self._is_person(c.patient_id)}
        else:
            found = {c.patient_id for c in coverages if c.relationship == "self"}
            # Registrations often do not say who the insured person is.
            found = found or {c.patient_id for c in coverages if not c.relationship}
        return found.pop() if len(found) == 1 else None

    def _is_person(self, patient):
        born = patient.healthcare_birth_date
        names = (patient.name or "").upper().split()
        said = [part for part in self.person if part]
        known = {born.isoformat() if born else None, names[0] if names else None}
        # Both, birth date and first name, or nobody.
        return len(said) == 2 and all(_first_word(part) in known for part in said)

    def put_first(self):
        """Put the member number first: it is what a coverage makes known."""
        if self.member_key:
            listed = self.data["patient"]["identifiers"]
            member = {"system": self.system, "value": self.number}
            self.data["patient"]["identifiers"] = [
                member,
                *(one for one in listed if one["system"] != self.system),
            ]


def _first_word(text):
    return (text.split() or [""])[0]
