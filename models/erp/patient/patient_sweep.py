"""The net below: what two transactions did to one person, unseen by each other."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

RACE_MINUTES = 10  # how far back to look; transactions are much shorter


class HealthcarePatientMerge(models.Model):
    _inherit = "healthcare.patient.merge"

    def _catch_up(self):
        """Move what points to the retired accounts by now; journal it as well."""
        for merge in self.filtered("retired_id"):
            retired, survivor = merge.retired_id, merge.survivor_id
            journal = {"moved": [], "values": [], "created": []}
            merge._merge_coverages(retired, survivor, journal)
            merge._retire_numbers(retired, survivor, journal)
            merge._move_documents(retired, survivor, journal)
            if any(journal.values()):
                known = merge.journal
                merge.journal = {
                    **known,
                    **{name: known[name] + more for name, more in journal.items()},
                }
                merge._tell(retired, survivor, None)


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _cron_sweep(self):
        result = super()._cron_sweep()
        self._sweep_duplicates()
        self._sweep_merged()
        return result

    @api.model
    def _sweep_merged(self):
        """Let what came for a retired account while it was being merged follow it."""
        since = fields.Datetime.now() - timedelta(minutes=RACE_MINUTES)
        merges = self.env["healthcare.patient.merge"]
        merges.search([("state", "=", "done"), ("date", ">=", since)])._catch_up()

    @api.model
    def _sweep_duplicates(self):
        """Find pairs that two shards registered at one moment, unseen by each other."""
        rows = self.env.execute_query(
            SQL(
                """WITH recent AS (
                    SELECT DISTINCT p.id, p.healthcare_match_given AS given,
                           p.healthcare_match_family AS family
                      FROM healthcare_fact f JOIN res_partner p ON p.id = f.partner_id
                     WHERE f.fact_type = 'registration' AND p.active
                       AND f.recorded_at > (now() AT TIME ZONE 'UTC')
                                           - make_interval(mins => %s))
                SELECT a.id FROM recent a JOIN recent b ON a.given = b.given
                 WHERE a.id != b.id
                UNION SELECT a.id FROM recent a JOIN recent b ON a.family = b.family
                 WHERE a.id != b.id
                UNION SELECT a.id FROM recent a JOIN recent b ON a.given = b.family
                 WHERE a.id != b.id
                UNION SELECT b.id FROM recent a JOIN recent b ON a.given = b.family
                 WHERE a.id != b.id""",
                RACE_MINUTES,
            )
        )
        partners = self.env["res.partner"]
        pairs = partners.browse(row[0] for row in rows)._healthcare_find_duplicates()
        exceptions = self.env["healthcare.exception"]
        open_ones = exceptions.search(
            [
                ("category", "=", "duplicate_patient"),
                ("state", "in", ("open", "assigned")),
            ]
        )
        for known in open_ones:
            pairs.pop(known._duplicate_pair(), None)
        exceptions._open_or_update(
            [
                partners._healthcare_duplicate_values(pair, agrees)
                for pair, agrees in pairs.items()
            ]
        )
