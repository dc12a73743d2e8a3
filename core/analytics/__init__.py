"""What is told of facts, of whom, and whether all of it arrived.

================  ===================================================
announcements     which news a fact is to those who subscribe
deidentification  what of a patient may leave (45 CFR 164.514)
completeness      counts and checksums of two sides compared
lineage           where a fact comes from, as OpenLineage tells it
quality           rules that facts keep
warehouse         tables for ClickHouse and PostgreSQL
sql_views         the views that BI tools read in Odoo's own database
================  ===================================================
"""
