"""Whatever else is asked for below our path gets JSON as well."""

from werkzeug.exceptions import HTTPException

from odoo.http import Controller, request

from .responses import endpoint, problem

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")


class UnknownController(Controller):
    @endpoint(
        "/healthcare/<path:path>",
        auth="none",
        methods=list(METHODS),
        readonly=True,
    )
    def unknown(self, path, **_query):
        """Answer 404 for a path, or 405 for a method, that is not ours."""
        if allowed := _allowed_methods():
            return problem(
                405,
                "method_not_allowed",
                "This resource does not take this method.",
                headers=[("Allow", ", ".join([*allowed, "OPTIONS"]))],
            )
        return problem(404, "not_found", "There is no such resource.")


def _allowed_methods():
    """Return the methods that another of our endpoints takes at this path."""
    adapter = (
        request.env["ir.http"]
        .routing_map()
        .bind_to_environ(request.httprequest.environ)
    )
    allowed = []
    for method in METHODS:
        try:
            rule, _values = adapter.match(method=method, return_rule=True)
        except HTTPException:
            continue
        if rule.endpoint.func.__name__ != UnknownController.unknown.__name__:
            allowed.append(method)
    return allowed
