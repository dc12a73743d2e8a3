"""What an event is about: the key that orders it and finds its documents.

Keys are keyed hashes (blind indexes): equal for equal numbers, meaningless without
the keyring, so that no patient number lies in the event store.
"""

import zlib

from odoo import api, models

PARTITIONS = 64


class HealthcareOrdering(models.AbstractModel):
    _name = "healthcare.ordering"
    _description = "Subjects and Order of Events"

    @api.model
    def _key(self, kind, namespace, number):
        """Return ``kind/<24 hex>`` for a number within a namespace."""
        index = (
            self.env["healthcare.keyring"]
            ._get()
            .blind_index(kind, f"{namespace}\x00{number}")
        )
        return f"{kind}/{index[:24]}"

    @api.model
    def _patient_key(self, system, value):
        return self._key("patient", system, value)

    @api.model
    def _account_key(self, number):
        return self._key("account", "", number)

    @api.model
    def _authorization_key(self, subject):
        """Return the key of the authorization for an appointment's subject."""
        return "authorization/" + subject.partition("/")[2]

    @api.model
    def _subject_of(self, namespace, code, data):
        """Return the subject of an event: what it must be kept in order with.

        :param str code: event type, e.g. ``appointment.booked``
        :param dict data: valid canonical data of that type
        """
        family = code.split(".", 1)[0]
        return getattr(self, f"_subject_of_{family}")(namespace, data)

    def _subject_of_registration(self, namespace, data):
        first = data["patient"]["identifiers"][0]
        return self._patient_key(first["system"], first["value"])

    _subject_of_coverage = _subject_of_registration

    def _subject_of_patient(self, namespace, data):
        first = data["survivor"]["identifiers"][0]
        return self._patient_key(first["system"], first["value"])

    def _subject_of_appointment(self, namespace, data):
        return self._key("appointment", namespace, data["appointment"]["id"])

    def _subject_of_authorization(self, namespace, data):
        if data.get("appointment_id"):
            # Not the appointment's own: an approval must pass the service that was
            # parked for want of it.
            return self._authorization_key(
                self._key("appointment", namespace, data["appointment_id"])
            )
        if data["authorization"].get("number"):
            return self._key(
                "authorization", namespace, data["authorization"]["number"]
            )
        return self._subject_of_registration(namespace, data)

    def _subject_of_service(self, namespace, data):
        if data.get("appointment_id"):
            return self._key("appointment", namespace, data["appointment_id"])
        order = data.get("order_id") or (data.get("order") or {}).get("id")
        if order:
            return self._key("order", namespace, order)
        return self._key("service", namespace, data["service"]["id"])

    def _subject_of_claim(self, namespace, data):
        return self._key("claim", namespace, data["claim"]["id"])

    def _subject_of_payment(self, namespace, data):
        return self._key("payment", namespace, data["payment"]["id"])

    @api.model
    def _partition_of(self, subject):
        """Return the partition, 0 to 63; a shard works on every N-th of them."""
        return zlib.crc32(subject.encode()) % PARTITIONS
