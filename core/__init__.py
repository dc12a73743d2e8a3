"""Pure Python, no ORM, no Odoo import: what could run anywhere.

=================  =========================================================
errors             our exceptions, each carrying what to do about it
strict_json        JSON read without surprises, and written canonically
compression        gzip request bodies, opened within a limit
envelope           the rules of a CloudEvents envelope
schema             JSON Schemas of the canonical events: validate, publish
upcast             older versions of an event brought to the present one
encryption         keyring, sealing (AES-256-GCM), blind index, pseudonyms
sealed_columns     every column that holds something sealed
secret_reference   secrets named as env:NAME or file:NAME
patient_archive    what is held about a patient, as a file to hand over
keyring_command    the command that looks after keyring files
hash_chain         rows that cannot be changed unnoticed
access_record      the record of who saw what, followed from row to row
access_record_command  the command that checks that record
signatures         Standard Webhooks, signed and verified
rates              how often somebody may do something
backoff            when to try again
deidentification   what of a patient may leave (45 CFR 164.514)
redaction          patient data taken out of texts
logs               the last net under the server's log
facts              the catalogue of facts and the classes of their columns
mapping            a vendor's message to canonical events, by rows of JMESPath
value_maps         a source's own codes put into ours
openapi            the description of our endpoints
similarity         how alike two patients' records look
clock              the time, as the database stores it
problem            error documents (RFC 9457)
=================  =========================================================

Modules are imported one by one where needed; nothing is imported here.
"""
