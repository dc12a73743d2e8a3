"""Control totals in: what a source says it sent."""

from werkzeug.http import parse_options_header

from odoo.http import Controller, request

from ..core import strict_json
from ..core.contract import totals
from ..core.errors import InputError
from .protection import intake
from .responses import BASE, answer, problem

CONTENT_TYPES = ("application/json",)
MAX_IDS = 1000  # missing ids in one answer, of each type


class TotalsController(Controller):
    @intake(
        f"{BASE}/totals",
        consumes=CONTENT_TYPES,
        takes="totals",
        returns="totals_compared",
        answers={
            200: "Kept, and compared with what was received",
            400: "Not JSON",
            422: "The totals cannot be understood; nothing is kept",
        },
    )
    def receive_totals(self, call):
        """Send control totals.

        How many events of each type you sent for a day, or their ids. The answer tells
        what is missing; it is compared again whenever late events arrive.
        """
        kind, _options = parse_options_header(
            request.httprequest.headers.get("Content-Type", "")
        )
        if kind.lower() not in CONTENT_TYPES:
            raise InputError(
                "unsupported_media_type",
                "The Content-Type must be application/json.",
                status=415,
            )
        message = strict_json.loads(call.body, call.source.max_depth)
        known = request.env["healthcare.event.type"]._ids_by_code()
        told, errors = totals.read(message, known)
        if not errors:
            # Stands in for the integration user, who has no right on models.
            kept = request.env["healthcare.control.total"].sudo()
            rows, errors = kept._tell(call.source, told)
        if errors:
            detail = "Nothing is kept of these totals."
            return problem(422, "invalid_totals", detail, errors=errors[:100])
        return answer(
            {
                "date": told.day.isoformat(),
                "totals": [
                    {
                        "type": row.type_id.code,
                        "told": row.told,
                        "received": row.received,
                        "missing": row.missing,
                        "surplus": row.surplus,
                        "state": row.state,
                        "missing_ids": (row.missing_ids or [])[:MAX_IDS],
                    }
                    for row in rows
                ],
            }
        )
