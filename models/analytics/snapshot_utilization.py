"""Visits and services within a day, by service line and provider."""

from odoo import api, models

from .snapshot_cells import short

# The service line of a visit is that of its first service, as in its facts.
_LINE = """(SELECT s.service_line_id FROM healthcare_appointment_service v
    JOIN healthcare_service s ON s.id = v.service_id
    WHERE v.appointment_id = a.id ORDER BY v.id LIMIT 1)"""
_VISITS = f"""
SELECT a.facility_id, {_LINE}, a.provider, kind.measure, sum(kind.figure),
    array_agg(DISTINCT a.patient_id)
FROM healthcare_appointment a CROSS JOIN LATERAL (VALUES
    ('scheduled', 1),
    (CASE a.state WHEN 'no_show' THEN 'no_shows' WHEN 'completed' THEN a.state
        WHEN 'cancelled' THEN a.state END, 1),
    (CASE WHEN a.state NOT IN ('cancelled') THEN 'minutes_scheduled' END,
        extract(epoch FROM a.end - a.start) / 60),
    (CASE WHEN a.state = 'completed' THEN 'minutes_completed' END,
        extract(epoch FROM a.end - a.start) / 60)
) kind (measure, figure)
WHERE a.facility_id = ANY(%(facilities)s) AND a.start >= %(start)s
    AND a.start < %(end)s AND kind.measure IS NOT NULL AND kind.figure IS NOT NULL
GROUP BY 1, 2, 3, 4
"""  # nosec B608 # constants
_BOOKED = f"""
SELECT a.facility_id, {_LINE}, a.provider, 'booked', count(*),
    array_agg(DISTINCT a.patient_id)
FROM healthcare_appointment a
WHERE a.facility_id = ANY(%(facilities)s) AND a.booked_at >= %(start)s
    AND a.booked_at < %(end)s
GROUP BY 1, 2, 3
"""  # nosec B608 # constants
_SERVICES = """
SELECT c.facility_id, s.service_line_id, c.provider, kind.measure, sum(kind.figure),
    array_agg(DISTINCT c.patient_id)
FROM healthcare_completion c
JOIN (
    SELECT l.completion_id, s.service_line_id, sum(l.quantity) AS quantity
    FROM healthcare_completion_line l JOIN healthcare_service s ON s.id = l.service_id
    GROUP BY 1, 2
) s ON s.completion_id = c.id
CROSS JOIN LATERAL (VALUES ('performed', 1), ('quantity', s.quantity))
    kind (measure, figure)
WHERE c.facility_id = ANY(%(facilities)s) AND c.performed_at >= %(start)s
    AND c.performed_at < %(end)s AND c.superseded IS NOT TRUE
GROUP BY 1, 2, 3, 4
"""
COUNTS = ("booked", "scheduled", "completed", "cancelled", "no_shows", "performed")
AMOUNTS = ("minutes_scheduled", "minutes_completed", "quantity")


class HealthcareSnapshot(models.AbstractModel):
    _inherit = "healthcare.snapshot"

    @api.model
    def _rows_utilization(self, facilities, window):
        """Return the rows of providers and service lines that were busy."""
        cells = self._cells(
            (_VISITS, _BOOKED, _SERVICES),
            {"facilities": facilities.ids, "start": window.start, "end": window.end},
        )
        smallest = self._smallest(cells)
        return {
            (facility_id, line_id, short(provider)): {
                "provider": provider,
                **{name: int(figures.get(name, 0)) for name in COUNTS},
                **{name: round(float(figures.get(name, 0)), 2) for name in AMOUNTS},
                "patients": len(patients),
                "patients_smallest": smallest[facility_id, line_id, provider],
                "suppressed": False,
            }
            for (facility_id, line_id, provider), (figures, patients) in cells.items()
        }
