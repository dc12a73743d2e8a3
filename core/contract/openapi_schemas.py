"""JSON Schemas of what our endpoints answer, as ``components`` of the description."""

from . import totals

STATES = ("received processing waiting retrying exception done dead discarded").split()

_TEXT = {"type": "string"}
_MAYBE = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_AMOUNT = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$"}


def _all(properties, **more):
    """Return the schema of an object that has all of these members."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        **more,
    }


ERROR = {
    "type": "object",
    "properties": {"pointer": _TEXT, "code": _TEXT, "detail": _TEXT},
    "required": ["code"],
}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457; it never repeats a value.",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": _TEXT,
        "detail": _TEXT,
        "errors": {"type": "array", "items": ERROR},
    },
    "required": ["type", "title", "status", "code"],
}
RECEIPT = _all(
    {
        "id": _MAYBE,
        "status": {"enum": ["accepted", "duplicate", "rejected"]},
        "event": _MAYBE,
        "status_url": _MAYBE,
        "errors": {"type": "array", "items": ERROR},
    }
)
RECEIPTS = _all(
    {
        "accepted": _COUNT,
        "duplicate": _COUNT,
        "rejected": _COUNT,
        "receipts": {"type": "array", "items": RECEIPT},
    }
)
EVENT_STATUS = _all(
    {
        "event": _TEXT,
        "id": _MAYBE,
        "type": _MAYBE,
        "status": {"enum": STATES},
        "attempts": _COUNT,
        "received_at": _MOMENT,
        "processed_at": _MOMENT,
        "correlation_id": _MAYBE,
        "exception": {
            "oneOf": [
                {"type": "null"},
                _all({"category": _TEXT, "message": _MAYBE, "since": _MOMENT}),
            ]
        },
    }
)
INVOICES = _all(
    {
        "invoices": {
            "type": "array",
            "items": _all(
                {
                    "number": _TEXT,
                    "date": {"type": ["string", "null"], "format": "date"},
                    "due": {"type": ["string", "null"], "format": "date"},
                    "currency": _TEXT,
                    "total": _AMOUNT,
                    "residual": _AMOUNT,
                    "state": _TEXT,
                    "responsible": {"enum": ["payer", "patient"]},
                }
            ),
        }
    }
)
CLEARANCE = _all(
    {
        "appointment": _TEXT,
        "clearance": {"enum": ["cleared", "pending", "blocked"]},
        "coverage": {"enum": ["verified", "missing", "inactive", "self_pay"]},
        "authorization": {
            "enum": ["not_required", "pending", "approved", "denied", "expired"]
        },
        "supplies": {"enum": ["reserved", "partial", "short", "not_required"]},
        "billing_hold": {"type": "boolean"},
        "reasons": {"type": "array"},
    }
)
HEALTH = {
    "type": "object",
    "properties": {
        "status": {"enum": ["live", "ready", "not_ready"]},
        "checks": {
            "type": "object",
            "properties": {
                "database": {"const": "ok"},
                "keyring": _TEXT,
                "intake": {"enum": ["ok", "paused"]},
                "backlog": {"enum": ["ok", "over_limit"]},
                "jobs": {"enum": ["ok", "late"]},
                "waiting": {"type": "integer"},
                "job_age_seconds": {"type": ["integer", "null"]},
            },
        },
    },
    "required": ["status"],
}
TOTALS = _all(
    {
        "date": {"type": "string", "format": "date"},
        "totals": {
            "type": "array",
            "items": _all(
                {
                    "type": _TEXT,
                    "told": _COUNT,
                    "received": _COUNT,
                    "missing": _COUNT,
                    "surplus": _COUNT,
                    "state": {"enum": ["matched", "missing", "surplus"]},
                    "missing_ids": {"type": "array", "items": _TEXT, "maxItems": 1000},
                }
            ),
        },
    }
)

COMPONENTS = {
    "totals": totals.document(),
    "totals_compared": TOTALS,
    "problem": PROBLEM,
    "receipts": RECEIPTS,
    "event_status": EVENT_STATUS,
    "invoices": INVOICES,
    "clearance": CLEARANCE,
    "health": HEALTH,
}
