"""Events that we raise ourselves: what of a fact is news that others subscribe to.

A fact tells how a document is now; an event tells that something has come about. It is
raised with the fact that first says so, by comparing it with the fact told before.
"""

from .. import facts

#: ``{name: (fact type, what it means)}``; the type is ``healthcare.<name>.v1``.
CATALOGUE = {
    "invoice.issued": ("invoice", "An invoice was posted."),
    "invoice.paid": ("invoice", "Nothing of an invoice is open any more; it is paid."),
    "payment.posted": ("payment", "A payment was posted."),
    "stock.shortage": ("exception", "Supplies of a visit or service are short."),
    "exception.raised": ("exception", "Something needs a person."),
    "exception.resolved": ("exception", "An exception was resolved or waived."),
    "appointment.cleared": ("appointment", "A visit is financially cleared."),
}
MEDIA_TYPE = "application/cloudevents-batch+json"

_UNISSUED = (None, "draft", "cancel")
_PAID = ("paid", "in_payment")
_POSTED = ("in_process", "paid")
_CLOSED = ("resolved", "waived")


def raised(fact_type, before, after):
    """Return the names of events that a fact raises.

    :param before: free columns of the fact told last of this document, or ``None``
    :param after: free columns of the fact to be told; ``None`` for a deletion
    """
    rules = _RULES.get(fact_type)
    return rules(before or {}, after) if rules and after else []


def _invoice(before, after):
    old, new = before.get("state"), after.get("state")
    names = []
    if old in _UNISSUED and new not in _UNISSUED:
        names.append("invoice.issued")
    if new in _PAID and old not in _PAID:
        names.append("invoice.paid")
    return names


def _payment(before, after):
    posted = after.get("state") in _POSTED and before.get("state") not in _POSTED
    return ["payment.posted"] if posted else []


def _exception(before, after):
    old, new = before.get("state"), after.get("state")
    if new in _CLOSED:
        return [] if old in _CLOSED else ["exception.resolved"]
    if old and old not in _CLOSED:
        return []
    short = after.get("category") == "stock_shortage"
    return ["exception.raised", *(["stock.shortage"] if short else [])]


def _appointment(before, after):
    cleared = after.get("clearance") == "cleared" != before.get("clearance")
    return ["appointment.cleared"] if cleared else []


_RULES = {
    "invoice": _invoice,
    "payment": _payment,
    "exception": _exception,
    "appointment": _appointment,
}


def envelope(name, source, document, time):
    """Return the CloudEvents envelope of an event.

    :param source: URI that says who raises it
    :param document: the rendered fact it comes with, which is its ``data``
    :param time: RFC 3339, or ``None`` where the policy lets no time leave
    """
    return {
        "specversion": "1.0",
        "id": f"{document['fact_id']}-{name}",
        "source": source,
        "type": f"healthcare.{name}.v1",
        "subject": document["key"],
        **({"time": time} if time else {}),
        "datacontenttype": "application/json",
        "data": document,
    }


def webhooks():
    """Return the ``webhooks`` of an OpenAPI document."""
    return {
        name: {
            "post": {
                "operationId": name.replace(".", "_"),
                "summary": meaning.rstrip("."),
                "description": "Sent to targets that subscribe to it, in batches, "
                "gzipped, with Idempotency-Key and a Standard Webhooks signature. "
                "A batch holds events of any of the names.",
                "requestBody": {
                    "required": True,
                    "content": {
                        MEDIA_TYPE: {
                            "schema": {
                                "type": "array",
                                "items": _schema(name, fact_type),
                            }
                        }
                    },
                },
                "responses": {
                    "2XX": {"description": "Taken: it is not sent again"},
                    "default": {
                        "description": "Not taken: the same batch is sent again later"
                    },
                },
            }
        }
        for name, (fact_type, meaning) in CATALOGUE.items()
    }


def _schema(name, fact_type):
    text = {"type": "string"}
    columns = {
        column: {"description": one.meaning}
        for column, one in facts.CATALOGUE[fact_type].items()
    }
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text,
            "type": {"const": f"healthcare.{name}.v1"},
            "subject": text,
            "time": {"type": "string", "format": "date-time"},
            "data": {
                "type": "object",
                "description": "The fact that tells of it.",
                "properties": columns,
            },
        },
    }
