"""What vendors read: schemas of events."""

from odoo.http import Controller

from ..core import schema
from .responses import BASE, answer, endpoint, problem


class DocumentationController(Controller):
    @endpoint(
        f"{BASE}/schemas/<string:name>/<string:version>",
        auth="none",
        methods=["GET"],
        readonly=True,
    )
    def schema(self, name, version, **_query):
        """Return the JSON Schema of one event type and version."""
        code = name.removeprefix("healthcare.").removesuffix(".v1")
        try:
            document = schema.registry().document(code, version)
        except KeyError:
            return problem(404, "not_found", "There is no such schema.")
        return answer(document, content_type="application/schema+json")
