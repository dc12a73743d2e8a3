"""Whatever else is asked for below our path gets JSON as well."""

from odoo.http import Controller

from .responses import endpoint, problem


class UnknownController(Controller):
    @endpoint(
        "/healthcare/<path:path>",
        auth="none",
        methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"],
        readonly=True,
    )
    def unknown(self, path, **_query):
        """Answer 404 for a path, or 405 for a method, that is not ours."""
        return problem(404, "not_found", "There is no such resource.")
