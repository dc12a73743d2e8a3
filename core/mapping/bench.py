"""Trying a mapping out: what it gives, what is wrong with it, what would change."""

from .. import strict_json
from ..contract import schema


def run(mapping, document, value_maps=None, **options):
    """Apply a mapping and check what comes out against the schemas.

    :param mapping: :class:`.mapping.Mapping`
    :param options: as for ``Mapping.apply``
    :return: list of ``{"event", "time", "data", "errors", "notes", "unmapped"}``, one
        per event; ``unmapped`` holds ``{"map", "code", "pointer"}``
    """
    registry = schema.registry()
    return [
        {
            "event": outcome.event,
            "time": outcome.time,
            "data": outcome.data,
            # the mapping's own reasons first: the schema would only miss the member
            "errors": outcome.errors
            or registry.validate(outcome.event, "1.0", outcome.data),
            "notes": outcome.notes,
            "unmapped": [
                {"map": name, "code": code, "pointer": pointer}
                for name, code, pointer in outcome.unmapped
            ],
        }
        for outcome in mapping.apply(document, value_maps, **options)
    ]


def difference(before, after):
    """Return in which places two results of :func:`run` differ.

    :return: list of ``{"event", "pointer", "change", "before", "after"}``; ``change``
        is ``added``, ``removed`` or ``changed``; events are compared in their order,
        a pointer ``""`` is the event as a whole
    """
    found = []
    names = [result["event"] for result in before]
    for place in range(max(len(before), len(after))):
        old = before[place] if place < len(before) else None
        new = after[place] if place < len(after) else None
        if old is None or new is None or old["event"] != new["event"]:
            found += [
                _change(result["event"], "", change, old=old_data, new=new_data)
                for result, change, old_data, new_data in (
                    (old, "removed", old and old["data"], None),
                    (new, "added", None, new and new["data"]),
                )
                if result is not None
            ]
            continue
        was, now = _leaves(old["data"]), _leaves(new["data"])
        for pointer in sorted(was.keys() | now.keys()):
            if pointer not in was:
                change = _change(names[place], pointer, "added", new=now[pointer])
            elif pointer not in now:
                change = _change(names[place], pointer, "removed", old=was[pointer])
            elif strict_json.dumps(was[pointer]) != strict_json.dumps(now[pointer]):
                change = _change(
                    names[place],
                    pointer,
                    "changed",
                    old=was[pointer],
                    new=now[pointer],
                )
            else:
                continue
            found.append(change)
    return found


def _change(event, pointer, change, old=None, new=None):
    return {
        "event": event,
        "pointer": pointer,
        "change": change,
        "before": old,
        "after": new,
    }


def _leaves(data):
    """Return ``{pointer: value}`` of what holds nothing further."""
    leaves, stack = {}, [("/data", data)]
    while stack:
        pointer, value = stack.pop()
        if isinstance(value, dict) and value:
            stack += [(f"{pointer}/{name}", part) for name, part in value.items()]
        elif isinstance(value, list) and value:
            stack += [(f"{pointer}/{n}", part) for n, part in enumerate(value)]
        else:
            leaves[pointer] = value
    return leaves
