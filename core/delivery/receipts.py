"""Which batches have a fact in them, as SQL.

A batch knows its facts, and a fact has no row that names its batches. They are found by
the range of ids that a batch has, which an index knows, and then by the ids themselves:
between two facts of a batch there may be others that are not in it. Nobody else writes
these conditions. They are about a batch ``b`` and a fact ``f``.
"""

_HAS = (
    "int4range(b.first_fact, b.last_fact, '[]') @> f.id AND b.facts @> to_jsonb(f.id)"
)
#: The definition of the index that finds them.
INDEX = (
    "USING gist (int4range(first_fact, last_fact, '[]'))"
    " WHERE state IN ('open', 'delivered')"
)
#: The batch delivered the fact.
RECEIPT = f"b.state = 'delivered' AND {_HAS}"
#: The batch delivered the fact, or has it on its way.
SENT = f"b.state IN ('open', 'delivered') AND {_HAS}"
#: Batches and the numbers of their facts, ``n.fact_id``, as text.
CONTENTS = (
    "healthcare_delivery_batch b"
    " CROSS JOIN LATERAL jsonb_array_elements_text(b.facts) n(fact_id)"
)
#: Delivered batches with facts between two ids, both of them included: for many facts
#: at once it is quicker to read all there is in these batches.
BETWEEN = (
    "b.state = 'delivered'"
    " AND int4range(b.first_fact, b.last_fact, '[]') && int4range(%s, %s, '[]')"
)
