"""What stands before every endpoint that takes events in, in one place.

In this order, the cheapest first: intake paused, too many requests, too much waiting,
the signature over the body as received, its size and compression, and, once the
endpoint knows how many events there are, too many events.
"""

import functools
import hashlib
import logging

from odoo.http import request

from ..core import compression
from ..core.errors import InputError, SignatureError
from .responses import endpoint, refusal

_logger = logging.getLogger(__name__)

# Read by Odoo before a source is known; what a source may send is checked after.
CEILING_BYTES = 64 * 1024 * 1024
PAUSE_SECONDS = 60
BACKLOG_SECONDS = 30
_ANSWERS = {
    413: "Too large, or too many events",
    415: "A content type or encoding that is not taken",
    429: "More than this source may send; see Retry-After",
    503: "Intake is paused, too much is waiting, or encryption is not set up",
}


class Call:
    """One admitted request.

    ``source``
        the authenticated source, with the rights to read its settings
    ``raw``
        bytes of the body as received
    ``body``
        bytes of the body, decompressed, within the source's limit
    ``max_events``
        events this source may send in one request
    """

    def __init__(self):
        # Settings of the authenticated source itself, read on its behalf.
        self.source = request.healthcare_source.sudo()
        self.raw = b""
        self.body = b""
        self._verdicts = []

    @property
    def max_events(self):
        limit = self.source.max_batch_events
        # More than the quota of a whole window could never be taken.
        return min(limit, self.source.rate_events or limit)

    def admit(self):
        """Let the request in.

        :raise InputError: it is not, with status 403, 413, 415, 429 or 503
        """
        source = self.source
        if source.paused or source._intake_paused():
            raise InputError(
                "intake_paused",
                "Intake is paused for this source."
                if source.paused
                else "Intake is paused.",
                status=503,
                retry_after=PAUSE_SECONDS,
            )
        self._spend("requests", source.rate_requests, 1)
        if source.env["healthcare.backlog"]._is_over():
            raise InputError(
                "backlog",
                "Too many events are waiting to be processed.",
                status=503,
                retry_after=BACKLOG_SECONDS,
            )
        httprequest = request.httprequest
        self.raw = httprequest.get_data()
        if source.signature_required:
            self._verify(httprequest.headers)
        self.body = compression.inflate(
            self.raw,
            httprequest.headers.get("Content-Encoding"),
            source.max_body_bytes,
        )

    def count_events(self, number):
        """Count events against what the source may send; call it once, with all.

        :raise InputError: 429, they are too many just now
        """
        self._spend("events", self.source.rate_events, number)

    def _verify(self, headers):
        try:
            self.source._verify_signature(headers, self.raw)
        except SignatureError as error:
            # The caller is not told what was wrong; those who run this are.
            _logger.warning(
                "Refused a signature of source %s: %s", self.source.code, error.code
            )
            raise InputError(
                "signature", "The signature is missing or does not hold.", status=403
            ) from None

    def _spend(self, kind, quota, cost):
        if not quota:
            return
        verdict = self.source.env["healthcare.rate"]._spend(
            self.source.id, kind, quota, self.source.rate_window, cost
        )
        if verdict is None:
            return
        self._verdicts.append(verdict)
        if not verdict.granted:
            raise InputError(
                "rate_limited",
                f"At most {quota} {kind} in {self.source.rate_window} seconds.",
                status=429,
                retry_after=verdict.wait,
            )

    def headers(self):
        """Return the ``RateLimit`` headers: one policy for each limit in force."""
        if not self._verdicts:
            return []
        return [
            ("RateLimit-Policy", ", ".join(v.policy for v in self._verdicts)),
            ("RateLimit", ", ".join(v.state for v in self._verdicts)),
        ]

    def refuse(self, error, render=None):
        """Return the answer to a refused request; keep a trace of what it was."""
        self.leave_trace(error.code)
        return refusal(error, render)

    def leave_trace(self, code):
        """Log what is not kept."""
        # Not lost without a trace: size, hash and reason, never a value.
        _logger.info(
            "Refused a body of source %s: %d bytes, sha256 %s, %s",
            self.source.code,
            len(self.raw),
            hashlib.sha256(self.raw).hexdigest(),
            code,
        )


def intake(path, *, answers, refuse=None, **options):
    """Declare a ``POST`` route that takes events in.

    The method gets the admitted :class:`Call` as its first argument and tells it, by
    :meth:`Call.count_events`, how many events it found before it stores any. An
    :class:`InputError` it raises is answered as a problem document.

    :param answers: statuses of its own; those of the protection are added
    :param refuse: ``refuse(error, headers)`` answers a refusal in the format's own
        way, instead of a problem document
    :param options: further options of :func:`~.responses.endpoint`
    """

    def decorate(method):
        def receive(self, **_query):
            call = Call()
            try:
                call.admit()
                response = method(self, call)
            except InputError as error:
                response = call.refuse(error, refuse)
            response.headers.extend(call.headers())
            return response

        # Odoo would look for the arguments of the method in the query.
        functools.update_wrapper(receive, method)
        del receive.__wrapped__
        return endpoint(
            path,
            auth="healthcare_events",
            methods=["POST"],
            max_content_length=CEILING_BYTES,
            answers={**_ANSWERS, **answers},
            **options,
        )(receive)

    return decorate
