"""Metrics: the figures under stable names, without any number of a patient."""

from itertools import accumulate

from odoo import api, models

from ...core import metrics
from .tally import BOUNDS


class HealthcareFigures(models.AbstractModel):
    _inherit = "healthcare.figures"

    @api.model
    def _exposition(self):
        """Return all metrics as Prometheus text 0.0.4, as bytes."""
        return metrics.render(
            [
                *self._event_metrics(),
                *self._exception_metrics(),
                *self._delivery_metrics(),
                *self._job_metrics(),
            ]
        )

    @api.model
    def _event_metrics(self):
        backlog = self._backlog()
        return [
            _family(
                "counter",
                "healthcare_events",
                "What became of events, each time something became of one",
                ["outcome", "source", "type"],
                [(row[:3], row[3]) for row in self._totals()],
            ),
            _family(
                "histogram",
                "healthcare_event_latency_seconds",
                "From received to processed",
                ["type"],
                self._latency_samples(),
            ),
            _family(
                "gauge",
                "healthcare_events_unfinished",
                "Events that are not done yet, by state and type",
                ["state", "type"],
                [(row[:2], row[2]) for row in backlog],
            ),
            _family(
                "gauge",
                "healthcare_events_oldest_seconds",
                "How long the oldest event of each state and type has been here",
                ["state", "type"],
                [(row[:2], row[3]) for row in backlog],
            ),
        ]

    @api.model
    def _latency_samples(self):
        by_type = {}
        for kind, latency, count, seconds in self._latencies():
            counts, sums = by_type.setdefault(kind, ([0] * (len(BOUNDS) + 1), []))
            counts[latency] += count
            sums.append(seconds or 0.0)
        bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
        return [
            ((kind,), list(zip(bounds, accumulate(counts), strict=True)), sum(sums))
            for kind, (counts, sums) in by_type.items()
        ]

    @api.model
    def _exception_metrics(self):
        rows = self._open_exceptions()
        return [
            _family(
                "gauge",
                "healthcare_exceptions_open",
                "Open exceptions",
                ["category", "facility", "currency"],
                [(row[:3], row[3]) for row in rows],
            ),
            _family(
                "gauge",
                "healthcare_exceptions_overdue",
                "Open exceptions past their due time",
                ["category", "facility", "currency"],
                [(row[:3], row[4]) for row in rows],
            ),
            _family(
                "gauge",
                "healthcare_amount_at_risk",
                "Amount at risk in open exceptions, in the currency",
                ["category", "facility", "currency"],
                [(row[:3], float(row[5])) for row in rows],
            ),
            _family(
                "gauge",
                "healthcare_appointments",
                "Visits of the next seven days, by financial clearance",
                ["clearance", "facility"],
                [(row[:2], row[2]) for row in self._visits()],
            ),
            _family(
                "gauge",
                "healthcare_claims_denied",
                "Claims that are denied",
                ["facility"],
                [(row[:1], row[1]) for row in self._denied_claims()],
            ),
        ]

    @api.model
    def _delivery_metrics(self):
        rows = self._deliveries()
        return [
            _family(
                "gauge",
                "healthcare_facts_pending",
                "Facts still to be delivered",
                ["target"],
                [((row[0],), row[1]) for row in rows],
            ),
            _family(
                "gauge",
                "healthcare_facts_oldest_seconds",
                "How long the oldest fact to be delivered has waited",
                ["target"],
                [((row[0],), row[2]) for row in rows],
            ),
            _family(
                "gauge",
                "healthcare_target_breaker",
                "Breaker: 0 closed, 1 half open, 2 open",
                ["target"],
                [((row[0],), row[3]) for row in rows],
            ),
        ]

    @api.model
    def _job_metrics(self):
        rows = self._jobs()
        return [
            _family(
                "gauge",
                "healthcare_job_age_seconds",
                "How long ago each scheduled job last ran",
                ["job"],
                [((row[0],), row[1]) for row in rows],
            ),
            _family(
                "gauge",
                "healthcare_job_failures",
                "Failures of each scheduled job in a row",
                ["job"],
                [((row[0],), row[2]) for row in rows],
            ),
        ]


def _family(kind, name, text, labels, samples):
    return {
        "kind": kind,
        "name": name,
        "help": text,
        "labels": labels,
        "samples": samples,
    }
