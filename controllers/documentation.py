"""What vendors read: schemas of events, and the description of the endpoints."""

from odoo.api import SUPERUSER_ID
from odoo.http import Controller, request

from ..core.contract import openapi, schema, upcast
from ..core.facts import published
from .responses import BASE, OPERATIONS, answer, endpoint, problem


class DocumentationController(Controller):
    @endpoint(
        f"{BASE}/schemas/<string:name>/<string:version>",
        auth="none",
        methods=["GET"],
        readonly=True,
        content_type="application/schema+json",
        answers={200: "The JSON Schema", 404: "No such type or version"},
    )
    def schema(self, name, version, **_query):
        """Read the JSON Schema of one event type and version."""
        code = upcast.split_type(name)[0] or name
        try:
            document = schema.registry().document(code, version)
        except KeyError:
            return problem(404, "not_found", "There is no such schema.")
        # Nobody is logged in here; the catalogue is public.
        versions = request.env(user=SUPERUSER_ID)["healthcare.event.type.version"]
        return answer(
            document,
            headers=versions._headers_for({(code, version)}),
            content_type="application/schema+json",
        )

    @endpoint(
        f"{BASE}/schemas/facts/<string:name>/<string:version>",
        auth="none",
        methods=["GET"],
        readonly=True,
        content_type="application/schema+json",
        answers={200: "The JSON Schema", 404: "No such type or version"},
    )
    def fact_schema(self, name, version, **_query):
        """Read the JSON Schema of one type of fact and version."""
        try:
            document = published.schema(name, version)
        except KeyError:
            return problem(404, "not_found", "There is no such schema.")
        return answer(document, content_type="application/schema+json")

    @endpoint(
        f"{BASE}/openapi.json",
        auth="none",
        methods=["GET"],
        readonly=True,
        answers={200: "This description"},
    )
    def description(self, **_query):
        """Read the description of all endpoints (OpenAPI 3.1)."""
        # Nobody is logged in here; the catalogue is public.
        versions = request.env(user=SUPERUSER_ID)["healthcare.event.type.version"]
        return answer(
            openapi.document(OPERATIONS, schema.registry(), versions._deprecated())
        )
