"""What vendors send and what we promise them.

===============  =======================================================
envelope         the rules of a CloudEvents envelope
schema           JSON Schemas of the canonical events: validate, publish
upcast           older versions of an event brought to the present one
samples          an example of each event, made from its schema
problem          error documents (RFC 9457)
fault_words      reasons of refused events in plain words
corrections      a field corrected by a person, laid over what was sent
totals           what a vendor says it sent in a day
openapi          the description of our endpoints
openapi_schemas  its documents, one by one
guide            a guide for one source, with its own addresses and keys
===============  =======================================================
"""
