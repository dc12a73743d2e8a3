"""Wire formats: bytes in, canonical envelopes out. Pure Python, no ORM.

===========  ==========================================================
cloudevents  CloudEvents 1.0 over HTTP: one, batch, NDJSON, binary
===========  ==========================================================

A format's library is imported when first needed; nothing is imported here.
"""
