"""How every endpoint answers: JSON of our own, never HTML, never a traceback."""

import functools
import json
import logging
import math
from collections import namedtuple

import psycopg2
from werkzeug.exceptions import HTTPException

from odoo.api import SUPERUSER_ID
from odoo.exceptions import ConcurrencyError
from odoo.http import Response, request, route

from ..core.contract import problem as problems
from ..core.errors import InputError, KeyringError

_logger = logging.getLogger(__name__)

BASE = "/healthcare/v1"
# Every route of ours, as declared: what openapi.json is made from.
OPERATIONS = []
Operation = namedtuple(
    "Operation",
    "path verb auth text answers method consumes produces returns content_type query "
    "takes",
    defaults=((), (), None, "application/json", {}, None),
)


def answer(data, status=200, headers=(), content_type="application/json"):
    """Return a JSON response."""
    return Response(
        json.dumps(data, ensure_ascii=False),
        status=status,
        headers=list(headers),
        content_type=f"{content_type}; charset=utf-8"
        if content_type == "application/json"
        else content_type,
    )


def problem(status, code, detail, errors=None, headers=()):
    """Return an RFC 9457 problem document."""
    return answer(
        problems.document(status, code, detail, errors=errors),
        status,
        headers,
        content_type="application/problem+json",
    )


def endpoint(
    path,
    *,
    auth,
    methods,
    readonly=False,
    answers=None,
    consumes=(),
    produces=(),
    returns=None,
    content_type="application/json",
    query=None,
    takes=None,
    **options,
):
    """Declare a route that answers as this module promises, whatever happens in it.

    :param auth: ``none`` for what is public, else one of our own methods
    :param answers: ``{status: what it means}``, for the documentation; a route
        without it is not documented
    :param consumes: content types of the body, where it is not events
    :param produces: content types of the answer, where it is not our JSON
    :param returns: name of the answer's schema in
        :mod:`~..core.contract.openapi_schemas`
    :param content_type: of our JSON, where it is a special one
    :param query: ``{name: what it is}`` of parameters that must be given
    :param takes: name of the body's schema, where it is our own JSON and no event
    """

    def decorate(method):
        if answers:
            OPERATIONS.extend(
                Operation(
                    path,
                    verb,
                    auth,
                    method.__doc__ or "",
                    answers,
                    method,
                    tuple(consumes),
                    tuple(produces),
                    returns,
                    content_type,
                    query or {},
                    takes,
                )
                for verb in methods
            )

        @route(
            path,
            type="http",
            auth=auth,
            methods=methods,
            csrf=False,
            save_session=False,
            readonly=readonly,
            **options,
        )
        @functools.wraps(method)
        def call(self, *args, **kwargs):
            try:
                if request.httprequest.method == "OPTIONS":
                    return options_of(path)
                if not all(_storable(value) for value in kwargs.values()):
                    return problem(404, "not_found", "There is no such resource.")
                return method(self, *args, **kwargs)
            except InputError as error:
                return refusal(error)
            except KeyringError as error:
                _logger.error("Refused a call: %s", error.code)
                return problem(
                    503,
                    error.code,
                    "Encryption is not set up; nothing can be taken.",
                    headers=[("Retry-After", "60")],
                )
            except (psycopg2.OperationalError, ConcurrencyError, HTTPException):
                raise  # Odoo runs the request again; or an answer of our own
            except Exception as error:  # the last net: a plain 500 of our own
                _logger.error(
                    "%s failed with %s", method.__name__, type(error).__name__
                )
                request.env.cr.rollback()
                return problem(500, "internal_error", "Something failed on our side.")

        return call

    return decorate


def _storable(value):
    """Whether a parameter is text that the database could hold at all."""
    if not isinstance(value, str):
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def refusal(error, render=None):
    """Return the problem document of an :class:`InputError`.

    :param render: ``render(error, headers)``, for formats with errors of their own
    """
    headers = []
    if error.retry_after is not None:
        headers.append(("Retry-After", str(max(1, math.ceil(error.retry_after)))))
    if render is not None:
        return render(error, headers)
    place = [error.as_dict()] if error.pointer else None
    return problem(error.status, error.code, error.detail, place, headers)


def options_of(path):
    """Answer ``OPTIONS``: the methods, and the handshake of CloudEvents webhooks.

    The handshake (HTTP 1.1 Web Hooks for Event Delivery, section 4) only tells a sender
    that its deliveries are wanted. It carries no key and opens nothing: that the
    headers are missing is the refusal.
    """
    verbs = {operation.verb for operation in OPERATIONS if operation.path == path}
    headers = [("Allow", ", ".join(sorted({*verbs, "OPTIONS"})))]
    origin = request.httprequest.headers.get("WebHook-Request-Origin")
    if origin and "POST" in verbs:
        # Nobody is logged in here; only whether deliveries are wanted is told.
        sources = request.env(user=SUPERUSER_ID)["healthcare.source"]
        if (rate := sources._webhook_rate(origin)) is not None:
            headers += [
                ("WebHook-Allowed-Origin", origin),
                ("WebHook-Allowed-Rate", str(rate or "*")),
            ]
    return Response(status=200, headers=headers)
