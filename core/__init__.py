"""Pure Python, no ORM, no Odoo import: what could run anywhere.

=============  ==============================================================
errors         our exceptions, each carrying what to do about it
strict_json    JSON read without surprises, and written canonically
compression    gzip request bodies, opened within a limit
backoff        when to try again
clock          the time, as the database stores it
logs           the last net under the server's log
metrics        figures as Prometheus text
marked         texts for people, marked to be translated where they are shown
contract/      what vendors send and what we promise them
mapping/       a vendor's message to canonical events
protection/    keys, signatures, limits
facts/         the catalogue of facts and the classes of their columns
analytics/     de-identification, lineage, completeness, warehouses
delivery/      a batch of facts on its way out
spreadsheets/  files that people fill in and print
matching/      likeness of patients, fit of payments
=============  ==============================================================

Modules are imported one by one where needed; nothing is imported here.
"""
