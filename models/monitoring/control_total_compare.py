"""Comparing control totals with the events that are here, all of them at once."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

#: for how many days totals that differ, and those that match, are compared again
DIFFERING_DAYS = 60
MATCHED_DAYS = 3

# Events of the day a total is about.
_OF_DAY = SQL(
    """e.source_id = t.source_id AND e.type_id = t.type_id
    AND e.occurred_at >= t.day_start AND e.occurred_at < t.day_end
    AND (t.facility_id IS NULL OR e.facility_id = t.facility_id)"""
)
# The same event refused and sent again is one.
_COUNTS = SQL(
    """count(DISTINCT coalesce(e.external_id, e.uuid)),
    count(*) FILTER (WHERE e.state = 'done'),
    count(*) FILTER (WHERE e.state = 'exception'),
    count(*) FILTER (WHERE e.state IN ('discarded', 'dead')),
    count(*) FILTER (
        WHERE e.state IN ('received', 'processing', 'waiting', 'retrying'))"""
)


class HealthcareControlTotal(models.Model):
    _inherit = "healthcare.control.total"

    @api.model
    def _cron_compare(self):
        """Compare again what may have changed; open and close exceptions."""
        today = fields.Date.today()
        self.search(
            [
                "|",
                "&",
                ("state", "!=", "matched"),
                ("day", ">=", today - timedelta(days=DIFFERING_DAYS)),
                ("day", ">=", today - timedelta(days=MATCHED_DAYS)),
            ]
        )._compare()

    def _compare(self):
        """Compare with what is here, by a handful of queries for all totals."""
        if not self:
            return
        self.env.flush_all()
        by_day = self._counted(SQL("NOT t.has_ids"), _OF_DAY)
        by_id = self._counted_by_id()
        missing, surplus = self._missing(), self._surplus()
        repeats = self._repeated()
        now = fields.Datetime.now()
        for total in self:
            counts = (by_id if total.has_ids else by_day).get(total.id, (0,) * 5)
            received, done, held, discarded, under_way = counts
            if total.has_ids:
                lacking = missing.get(total.id, [])
                values = {
                    "missing": len(lacking),
                    "surplus": surplus.get(total.id, 0),
                    "missing_ids": lacking or False,
                }
            else:
                values = {
                    "missing": max(total.told - received, 0),
                    "surplus": max(received - total.told, 0),
                    "missing_ids": False,
                }
            total.write(
                {
                    **values,
                    "received": received,
                    "done": done,
                    "held": held,
                    "discarded": discarded,
                    "under_way": under_way,
                    "repeats": repeats.get(total.id, 0),
                    "state": "missing"
                    if values["missing"]
                    else "surplus"
                    if values["surplus"]
                    else "matched",
                    "compared_at": now,
                }
            )
        self._tell_owners(now)

    def _counted(self, which, events):
        """Return ``{id: counts of events by state}`` of totals."""
        rows = self.env.execute_query(
            SQL(
                """SELECT t.id, %s FROM healthcare_control_total t
                JOIN healthcare_event e ON %s
                WHERE t.id = ANY(%s) AND %s GROUP BY t.id""",
                _COUNTS,
                events,
                self.ids,
                which,
            )
        )
        return {row[0]: row[1:] for row in rows}

    def _told_one_by_one(self):
        """Return the SQL of totals' ids, one a row: ``id, source_id, told``."""
        return SQL(
            """SELECT t.id, t.source_id, x.told FROM healthcare_control_total t,
                jsonb_array_elements_text(t.told_ids) AS x(told)
            WHERE t.id = ANY(%s) AND t.has_ids""",
            self.ids,
        )

    def _counted_by_id(self):
        rows = self.env.execute_query(
            SQL(
                """WITH one AS MATERIALIZED (%s) SELECT t.id, %s FROM one t
                JOIN healthcare_event e
                    ON e.source_id = t.source_id AND e.external_id = t.told
                GROUP BY t.id""",
                self._told_one_by_one(),
                _COUNTS,
            )
        )
        return {row[0]: row[1:] for row in rows}

    def _missing(self):
        """Return ``{id: sorted ids that are not here, refused ones not either}``."""
        rows = self.env.execute_query(
            SQL(
                """WITH one AS MATERIALIZED (%s)
                SELECT t.id, array_agg(t.told ORDER BY t.told) FROM one t
                WHERE NOT EXISTS (SELECT 1 FROM healthcare_event e
                    WHERE e.source_id = t.source_id AND e.external_id = t.told)
                GROUP BY t.id""",
                self._told_one_by_one(),
            )
        )
        return dict(rows)

    def _surplus(self):
        """Return ``{id: events of the day that were not told}``."""
        rows = self.env.execute_query(
            SQL(
                """WITH one AS MATERIALIZED (%s)
                SELECT t.id, count(DISTINCT e.external_id)
                FROM healthcare_control_total t JOIN healthcare_event e ON %s
                WHERE t.id = ANY(%s) AND t.has_ids AND NOT EXISTS (
                    SELECT 1 FROM one
                    WHERE one.id = t.id AND one.told = e.external_id)
                GROUP BY t.id""",
                self._told_one_by_one(),
                _OF_DAY,
                self.ids,
            )
        )
        return dict(rows)

    def _repeated(self):
        rows = self.env.execute_query(
            SQL(
                """SELECT t.id, sum(y.count) FROM healthcare_control_total t
                JOIN healthcare_tally y ON y.source_id = t.source_id
                    AND y.type_id = t.type_id AND y.kind = 'duplicate'
                    AND y.hour >= t.day_start AND y.hour < t.day_end
                    AND (t.facility_id IS NULL OR y.facility_id = t.facility_id)
                WHERE t.id = ANY(%s) GROUP BY t.id""",
                self.ids,
            )
        )
        return dict(rows)

    # -- telling ----------------------------------------------------------------

    def _tell_owners(self, now):
        """Open an exception for what differs past its due time; close what matches."""
        exceptions = self.env["healthcare.exception"]
        matched = self.filtered(lambda total: total.state == "matched")
        over = matched.filtered("raised")
        over.write({"raised": False})
        exceptions._cause_gone([f"total/{total.id}" for total in over])
        differing = (self - matched).filtered(lambda total: total.due_at <= now)
        known = exceptions.search(
            [
                ("fingerprint", "in", [f"total/{one.id}" for one in differing]),
                ("is_open", "=", True),
            ]
        ).mapped("fingerprint")
        # Whom it was told and who let it be is not asked again about the same totals.
        due = differing.filtered(
            lambda total: not total.raised or f"total/{total.id}" in known
        )
        exceptions._open_or_update([total._issue() for total in due])
        due.filtered(lambda total: not total.raised).write({"raised": True})

    def _issue(self):
        self.ensure_one()
        values = {
            "vendor": self.source_id.name,
            "type": self.type_id.name,
            "day": str(self.day),
            "count": self.missing or self.surplus,
            "told": self.told,
        }
        if self.missing:
            reason = self.env._(
                "%(vendor)s says it sent %(told)s of “%(type)s” on %(day)s; %(count)s "
                "of them never arrived.",
                **values,
            )
        else:
            reason = self.env._(
                "%(vendor)s says it sent %(told)s of “%(type)s” on %(day)s; here are "
                "%(count)s more.",
                **values,
            )
        company = self.facility_id.company_id
        return {
            "category": "missing_dependency",
            "fingerprint": f"total/{self.id}",
            "cause_key": f"total/{self.id}",
            "source_id": self.source_id.id,
            "type_id": self.type_id.id,
            "facility_id": self.facility_id.id,
            "res_model": self._name,
            "res_id": self.id,
            "reason": reason,
            **(
                {"company_id": company.id, "currency_id": company.currency_id.id}
                if company
                else self.source_id._silence_company()
            ),
        }
