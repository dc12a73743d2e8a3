"""Where in a sender's message a member of an event comes from."""


def expressions(document, pointer):
    """Return the texts of the rows a member is made by, the first one first.

    :param dict document: a mapping, as :mod:`.mapping` describes it
    :param str pointer: into the event, e.g. ``/data/patient/name/family``
    :return: list of JMESPath texts; those of an item come before that of its list
    """
    steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
    if steps[:1] != ["data"]:
        return []
    path = tuple(steps[1:])
    found = []
    for event in document["events"]:
        found += _of_rows(event["rows"], path)
    return list(dict.fromkeys(found))


def _of_rows(rows, path):
    for row in rows:
        own = tuple(row["field"].strip("/").replace("/", ".").split("."))
        if own == path and "from" in row:
            yield row["from"]
        if "rows" in row and own == path[: len(own)]:
            # An item's row may name no segment: it stands in what the list is made of.
            yield from _of_rows(row["rows"], path[len(own) :])
            yield row["each"]
