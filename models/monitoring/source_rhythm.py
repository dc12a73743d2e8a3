"""Sources that are quieter than they usually are at this hour of the week."""

from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import clock

WEEKS = 4
#: an hour counts as usual when something came in it in as many of these weeks
SEEN_WEEKS = 2
#: silence is judged over so many hours at most
HOURS = 48
#: as many events have to be missing: three usual gaps without any
MISSING = 3.0
#: from when on silence counts again
_RESUMING = {"paused": False, "active": True, "watch_rhythm": True}
_HOUR = timedelta(hours=1)
_HEARD = ["received", "duplicate", "rejected"]


class HealthcareSource(models.Model):
    _inherit = "healthcare.source"

    watch_rhythm = fields.Boolean(
        string="Watch Its Rhythm",
        default=True,
        help="Tell somebody when nothing comes for three times the gap that is usual "
        "at this hour of the week, as learned from the last four weeks.",
    )
    rhythm_minutes = fields.Integer(
        string="At Least (minutes)",
        default=30,
        help="Silence shorter than this is never told.",
    )
    rhythm_from = fields.Datetime(
        readonly=True,
        copy=False,
        help="Silence before this time, a pause for instance, does not count.",
    )

    _rhythm_positive = models.Constraint(
        "CHECK(rhythm_minutes >= 0)", "The time of silence cannot be negative."
    )

    @api.model
    def _cron_silence(self):
        result = super()._cron_silence()
        self._notice_rhythm()
        return result

    def write(self, vals):
        resumed = self.filtered(
            lambda one: any(
                vals.get(name) == wanted and one[name] != wanted
                for name, wanted in _RESUMING.items()
            )
        )
        result = super().write(vals)
        if resumed:
            resumed.write({"rhythm_from": fields.Datetime.now()})
        if "watch_rhythm" in vals:
            self.filtered(lambda one: not one.watch_rhythm)._heard()
        return result

    @api.model
    def _notice_rhythm(self):
        """Open an exception per source that is silent against its usual rhythm."""
        now = clock.utc_now()
        watched = self.search(
            [
                ("watch_rhythm", "=", True),
                ("paused", "=", False),
                ("silent_since", "=", False),
            ]
        )
        if not watched:
            return
        usual = watched._usual_counts(now)
        watched = watched.filtered(lambda one: one.id in usual)
        heard = watched._heard_at_all(now)
        reasons = {}
        for source in watched:
            if source not in heard:
                continue
            since = max(heard[source], source.rhythm_from or heard[source])
            missing, silence = _missed(usual[source.id], since, now)
            minimum = timedelta(minutes=source.rhythm_minutes)
            if missing >= MISSING and silence >= minimum:
                reasons[source] = self.env._(
                    "%(name)s has sent nothing since %(since)s UTC. At this time of "
                    "the week about %(count)d events are usual by now.",
                    name=source.name,
                    since=fields.Datetime.to_string(heard[source])[:16],
                    count=missing,
                )
        silent = watched.filtered(lambda one: one in reasons)
        silent._open_silence(heard, reasons)

    def _usual_counts(self, now):
        """Return ``{source id: {hour: events usual in it}}`` of the last hours.

        One query, over the same hours of the weeks before.
        """
        hour = now.replace(minute=0, second=0, microsecond=0)
        hours = {
            hour - back * _HOUR - timedelta(weeks=week): hour - back * _HOUR
            for back in range(HOURS)
            for week in range(1, WEEKS + 1)
        }
        counts, weeks = defaultdict(float), defaultdict(int)
        for source_id, then, count in self.env.execute_query(
            SQL(
                """SELECT source_id, hour, sum(count) FROM healthcare_tally
                WHERE hour = ANY(%s) AND source_id = ANY(%s) AND kind = ANY(%s)
                GROUP BY 1, 2""",
                list(hours),
                self.ids,
                _HEARD,
            )
        ):
            counts[source_id, hours[then]] += float(count) / WEEKS
            weeks[source_id, hours[then]] += 1
        usual = defaultdict(dict)
        for (source_id, at), count in counts.items():
            if weeks[source_id, at] >= SEEN_WEEKS:
                usual[source_id][at] = count
        return usual

    def _heard_at_all(self, now):
        """Return when each was last heard; repeats leave no event, only a tally."""
        heard = self._last_heard()
        for source_id, hour in self.env.execute_query(
            SQL(
                """SELECT source_id, max(hour) FROM healthcare_tally
                WHERE hour >= %s AND source_id = ANY(%s) AND kind = 'duplicate'
                GROUP BY 1""",
                now - HOURS * _HOUR,
                self.ids,
            )
        ):
            source = self.browse(source_id)
            # Some time in that hour: its end, so that nobody is told too soon.
            repeated = min(now, hour + _HOUR).replace(microsecond=0)
            heard[source] = max(heard.get(source, repeated), repeated)
        return heard


def _missed(usual, heard, now):
    """Return how many events are missing, and how long, in hours that are usual.

    :param dict usual: ``{beginning of the hour: events usual in it}``
    :return: ``(0, no time)`` when this hour is not a usual one
    """
    missing, silence = 0.0, timedelta()
    if now.replace(minute=0, second=0, microsecond=0) not in usual:
        return missing, silence
    for hour, count in usual.items():
        silent = min(now, hour + _HOUR) - max(heard, hour)
        if silent > timedelta():
            missing += count * (silent / _HOUR)
            silence += silent
    return missing, silence
