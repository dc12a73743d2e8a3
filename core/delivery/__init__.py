"""A batch of facts on its way out.

========  ===========================================
dialects  how a batch is written, and its answer read
parcel    packed, signed and posted
windows   when it may leave
========  ===========================================
"""
