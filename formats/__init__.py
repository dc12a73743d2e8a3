"""Wire formats: bytes in, canonical envelopes out. Pure Python, no ORM.

===========  ==========================================================
cloudevents  CloudEvents 1.0 over HTTP: one, batch, NDJSON, binary
hl7v2        HL7 v2 messages and batches, and their acknowledgements
fhir_r4      FHIR R4 resources and Bundles, and OperationOutcome
x12          X12 005010: 835, 271, 278 responses
incoming     the last three under one roof: a body becomes messages to be mapped
===========  ==========================================================

What comes out of the last three is turned into canonical events by the mappings in
``mappings/``; see ``core/mapping/``. A format's library is imported when first needed;
nothing is imported here.
"""
