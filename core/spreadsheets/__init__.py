"""Files that people fill in and print.

===============  =================================================================
spreadsheet      rows of a CSV or XLSX file, read within limits and written safely
books            workbooks with several sheets
downtime_sheets  registrations, completions and payments taken by hand
===============  =================================================================
"""
