"""The documentation page: the one page of HTML among our answers."""

from odoo.http import Controller, Response
from odoo.tools import file_open

from ..core.contract import guide
from .responses import answer, endpoint

PAGE = "/healthcare/docs"
_FILE = "healthcare_connector/static/docs/index.html"
# Nothing from anywhere else, and nothing written into the page by others.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
_HEADERS = [
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
]


class GuideController(Controller):
    @endpoint(PAGE, auth="none", methods=["GET"], readonly=True)
    def page(self, **_query):
        """Show how to connect: for people, made from what the endpoints declare."""
        with file_open(_FILE, "rb") as file:
            return Response(
                file.read(), headers=_HEADERS, content_type="text/html; charset=utf-8"
            )

    @endpoint(f"{PAGE}/catalogue.json", auth="none", methods=["GET"], readonly=True)
    def catalogue(self, **_query):
        """Return event types, problems and samples, for the page."""
        return answer(guide.catalogue())
