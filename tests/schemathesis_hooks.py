"""Read by schemathesis, not by Odoo: how to write bodies that are not JSON."""

import schemathesis


def write(_context, value):
    """Write a body; what is no text, as a wrong one."""
    return (value if isinstance(value, str) else repr(value)).encode("utf-8", "replace")


for kind in (
    "application/hl7-v2",
    "application/hl7-v2+er7",
    "x-application/hl7-v2+er7",
    "application/edi-x12",
    "application/x12",
    "application/x-ndjson",
):
    schemathesis.serializer(kind)(write)
