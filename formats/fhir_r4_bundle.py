"""Where FHIR references lead within one body: entries, contained, conditional.

Resolution follows https://hl7.org/fhir/R4/bundle.html#references: ``#id`` to what is
contained; absolute URLs and ``urn:uuid`` to a ``fullUrl``; ``Type/id`` to the entry
whose ``fullUrl`` shares the base, else to the first entry of that type and id;
``Type?identifier=system|value`` to the entry with that identifier.
"""

import re
from collections import namedtuple
from urllib.parse import parse_qs, unquote

MAX_REFERENCES = 20_000

#: One resource of the body: ``pointer`` to it, ``url`` its fullUrl, ``request`` the
#: entry's request.
Entry = namedtuple("Entry", "number pointer url resource request")
_LOCAL = re.compile(r"(?:(.*)/)?([A-Z][A-Za-z]{1,39})/([A-Za-z0-9.-]{1,64})\Z")


def items(value):
    """Return a list as it is, nothing as ``[]``, and anything else in a list."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def objects(value):
    """Return the objects of a list (or the object itself as a list)."""
    return [item for item in items(value) if isinstance(item, dict)]


def first(value):
    """Return the first object of a list, else an empty one."""
    found = objects(value)
    return found[0] if found else {}


def text(value):
    """Return a non-blank text, else None."""
    if isinstance(value, str):
        return value.strip() or None
    return None


def split(reference):
    """Return ``(base, type, id)`` of a literal reference, or ``(None, None, None)``."""
    reference = reference.partition("/_history/")[0]
    found = _LOCAL.match(reference) if len(reference) < 1000 else None
    return found.groups() if found else (None, None, None)


def conditional(reference):
    """Return ``(type, {"system", "value"})`` of a conditional reference, or None."""
    kind, mark, query = reference.partition("?")
    if not mark or not kind.isalpha() or len(query) > 1000:
        return None
    try:
        found = parse_qs(query, max_num_fields=5).get("identifier", [""])[0]
    except ValueError:
        return None
    system, bar, value = unquote(found).partition("|")
    return (kind, {"system": system, "value": value}) if bar and value else None


class Scope:
    """The resources of one bundle (or the single one) that can refer to each other."""

    def __init__(self, entries):
        self.entries = entries
        self._urls, self._locals, self._identified = {}, {}, {}
        self._resolved, self._contained = {}, {}
        for entry in entries:
            resource = entry.resource
            kind = resource.get("resourceType")
            if entry.url:
                self._urls.setdefault(entry.url, entry)
                base, url_kind, url_id = split(entry.url)
                if url_kind:
                    self._locals.setdefault((url_kind, url_id), entry)
            if text(resource.get("id")):
                self._locals.setdefault((kind, resource["id"]), entry)
            for identifier in objects(resource.get("identifier")):
                key = kind, identifier.get("system"), identifier.get("value")
                if all(isinstance(part, str) for part in key):
                    self._identified.setdefault(key, entry)

    def find(self, reference, entry):
        """Return the resource a Reference leads to, None when it is not here.

        :param dict reference: a Reference
        :param entry: :class:`Entry` it stands in
        """
        literal = reference.get("reference")
        if not isinstance(literal, str) or not literal:
            return None
        if literal.startswith("#"):
            return self._inside(entry.resource).get(literal[1:])
        target = self.entry(literal, entry)
        return target.resource if target is not None else None

    def _inside(self, resource):
        """Return what is contained in a resource, by id."""
        key = id(resource)
        if key not in self._contained:
            self._contained[key] = {
                part["id"]: part
                for part in objects(resource.get("contained"))
                if text(part.get("id"))
            }
        return self._contained[key]

    def entry(self, literal, entry):
        """Return the :class:`Entry` a literal reference leads to, or None."""
        if literal in self._urls:
            return self._urls[literal]
        query = conditional(literal)
        if query:
            kind, found = query
            return self._identified.get((kind, found["system"], found["value"]))
        base, kind, identity = split(literal)
        if kind is None:
            return None
        own_base = split(entry.url or "")[0]
        if base is None and own_base is not None:
            near = self._urls.get(f"{own_base}/{kind}/{identity}")
            if near is not None:
                return near
        return self._locals.get((kind, identity))

    def resolved(self, entry):
        """Return a copy of a resource whose References have ``resource`` members.

        The member holds the resource referred to; its own references are resolved
        once more, and those of that one no further. Parts are shared, so that size
        stays in proportion.
        """
        return self._copy(entry.resource, entry, 2)

    def _copy(self, resource, entry, levels):
        key = id(resource), levels
        if key not in self._resolved:
            if levels == 0:
                self._resolved[key] = resource
            else:
                self._resolved[key] = self._walk(resource, entry, levels)
        return self._resolved[key]

    def _walk(self, value, entry, levels):
        if isinstance(value, list):
            return [self._walk(part, entry, levels) for part in value]
        if not isinstance(value, dict):
            return value
        copy = {
            name: part if name == "contained" else self._walk(part, entry, levels)
            for name, part in value.items()
        }
        if isinstance(value.get("reference"), str) and "resourceType" not in value:
            target, inside = self._target(value, entry)
            if target is not None:
                copy["resource"] = self._copy(target, inside, levels - 1)
        return copy

    def _target(self, reference, entry):
        literal = reference["reference"]
        if literal.startswith("#"):
            return self.find(reference, entry), entry
        target = self.entry(literal, entry)
        return (target.resource, target) if target else (None, entry)

    def neighbours(self, entry):
        """Return the numbers of the entries a resource refers to, sorted."""
        found, stack, seen = set(), [entry.resource], 0
        while stack and seen < MAX_REFERENCES:
            value = stack.pop()
            seen += 1
            if isinstance(value, dict):
                literal = value.get("reference")
                if isinstance(literal, str) and not literal.startswith("#"):
                    target = self.entry(literal, entry)
                    if target is not None and target.number != entry.number:
                        found.add(target.number)
                stack.extend(value.values())
            elif isinstance(value, list):
                stack.extend(value)
        return sorted(found)

    def unresolved(self, entry):
        """Return pointers to references that must lead somewhere here and do not."""
        found, stack, seen = [], [(entry.resource, entry.pointer)], 0
        while stack and seen < MAX_REFERENCES and len(found) < 20:
            value, pointer = stack.pop()
            seen += 1
            if isinstance(value, dict):
                literal = value.get("reference")
                local = isinstance(literal, str) and literal.startswith(("#", "urn:"))
                if local and literal != "#" and self.find(value, entry) is None:
                    found.append(f"{pointer}/reference")
                stack.extend(
                    (part, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
                    for name, part in value.items()
                    if isinstance(part, dict | list) and name != "contained"
                )
            elif isinstance(value, list):
                stack.extend(
                    (part, f"{pointer}/{number}")
                    for number, part in enumerate(value)
                    if isinstance(part, dict | list)
                )
        return sorted(found)
