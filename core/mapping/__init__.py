"""A vendor's message to canonical events, by rows of JMESPath.

===========  ===========================================================
mapping      a mapping as a whole: read, checked, applied
rows         one row of it
expressions  JMESPath, with functions of ours
transforms   dates, amounts, names, codes brought into our form
value_maps   a source's own codes put into ours
vocabulary   words that standards and vendors have for the same thing
places       where in a sender's message a member of an event comes from
bench        a mapping tried on a message, row by row
===========  ===========================================================
"""
