"""Is it alive, is it ready, how is it going."""

from odoo.api import SUPERUSER_ID
from odoo.http import Controller, Response, request

from ..core import metrics
from .responses import answer, endpoint


class MonitoringController(Controller):
    @endpoint(
        "/healthcare/health/live",
        auth="none",
        methods=["GET"],
        readonly=True,
        returns="health",
        answers={200: "The process answers"},
    )
    def live(self, **_query):
        """Tell that the process is alive."""
        return answer({"status": "live"})

    @endpoint(
        "/healthcare/health/ready",
        auth="none",
        methods=["GET"],
        readonly=True,
        returns="health",
        answers={200: "Events can be taken", 503: "Events cannot be taken"},
    )
    def ready(self, **_query):
        """Tell whether events can be taken, and whether they are being worked on.

        Scheduled jobs that are late are told of and do not make it 503: what is taken
        meanwhile is kept.
        """
        # Nobody is logged in here; only whether things work is told.
        env = request.env(user=SUPERUSER_ID)
        checks, ready = env["healthcare.figures"]._readiness()
        return answer(
            {"status": "ready" if ready else "not_ready", "checks": checks},
            200 if ready else 503,
            headers=[] if ready else [("Retry-After", "30")],
        )

    @endpoint(
        "/healthcare/metrics",
        auth="healthcare_metrics",
        methods=["GET"],
        readonly=True,
        produces=("text/plain",),
        answers={200: "Metrics as Prometheus text 0.0.4"},
    )
    def metrics(self, **_query):
        """Read metrics: counts, latencies, backlog, exceptions, deliveries, jobs."""
        # Stands in for the integration user, who has no right on models: its key says
        # that it may read figures, and figures hold no patient data.
        figures = request.env["healthcare.figures"].sudo()
        return Response(
            figures._exposition(), status=200, content_type=metrics.CONTENT_TYPE
        )
