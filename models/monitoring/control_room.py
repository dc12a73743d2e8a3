"""The control room: three levels of figures, each with the records behind it."""

from datetime import timedelta

from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ...core import clock
from ..exchange.event import UNFINISHED
from .tally import BOUNDS

#: hours a range covers
RANGES = {"day": 24, "week": 7 * 24, "month": 30 * 24}
NOT_CLEARED_DAYS = 3
#: what becomes of an event that a workflow had
OUTCOMES = ("done", "stale", "parked", "failed")


class HealthcareFigures(models.AbstractModel):
    _inherit = "healthcare.figures"

    @api.model
    def control_room(self, period="day", facility_id=False):
        """Return all the figures of the control room.

        :param str period: ``day``, ``week`` or ``month``: up to now, compared with as
            long a time before it
        :param facility_id: one facility, or all the user may see
        :return: ``{"facilities": [{id, name}], "transactions": [figure],
            "workflows": [row], "business": [figure], "series": […],
            "pauses": [{id, name, note}]}``; a figure is
            ``{key, label, value, unit, before, bad, help, model, domain, name}``,
            ``unit`` one of ``count``, ``seconds``, ``money``, ``percent``
        :raise AccessError: for who is neither operator nor auditor
        """
        self._check_reader()
        facilities = self.env["healthcare.facility"].search([("active", "=", True)])
        chosen = facilities.filtered(lambda f: f.id == facility_id) or facilities
        # Stands in for the system: figures are sums over what the facilities the user
        # may see have to do with, whatever single documents he may open.
        view = self.sudo()
        scope = _Scope(
            period,
            chosen,
            everything=chosen == facilities,
            limit=self.env.user._healthcare_limit(),
        )
        return {
            "facilities": [{"id": f.id, "name": f.name} for f in facilities],
            "currency_id": self.env.company.currency_id.id,
            "transactions": view._transactions(scope),
            "workflows": view._workflows(scope),
            "business": view._business(scope),
            "series": view._series(scope),
            "pauses": self.env["healthcare.pause"]._strip(),
        }

    @api.model
    def _check_reader(self):
        user = self.env.user
        if not user.has_groups(
            "healthcare_connector.group_operator,healthcare_connector.group_auditor"
        ):
            raise AccessError(
                self.env._("Only operators and auditors see the control room.")
            )

    # -- transactions -----------------------------------------------------------

    @api.model
    def _transactions(self, scope):
        now, before = self._counts(scope)
        backlog = self._unfinished(scope)
        total = sum(count for _state, _type, count, _age in backlog)
        oldest = max((age or 0 for *_what, age in backlog), default=0)
        held = sum(row[2] for row in backlog if row[0] == "exception")
        return [
            self._counted("received", self.env._("Received"), now, before, scope),
            self._counted("done", self.env._("Done"), now, before, scope),
            self._figure(
                "unfinished",
                self.env._("Under Way"),
                total - held,
                help=self.env._("Received and not done yet, without those held up."),
                model="healthcare.event",
                domain=[
                    ("state", "in", [s for s in UNFINISHED if s != "exception"]),
                    *scope.events,
                ],
            ),
            self._figure(
                "held",
                self.env._("Held Up"),
                held,
                bad=bool(held),
                help=self.env._("Wait for a person or for what they miss."),
                model="healthcare.event",
                domain=[("state", "=", "exception"), *scope.events],
            ),
            self._figure(
                "oldest",
                self.env._("Oldest Waiting"),
                oldest,
                unit="seconds",
                bad=oldest > 86400,
                model="healthcare.event",
                domain=[("state", "in", list(UNFINISHED)), *scope.events],
            ),
            self._counted(
                "rejected",
                self.env._("Unreadable"),
                now,
                before,
                scope,
                bad=True,
            ),
            self._counted(
                "failed", self.env._("Retries Exhausted"), now, before, scope, bad=True
            ),
            self._counted(
                "throttled", self.env._("Throttled"), now, before, scope, bad=True
            ),
        ]

    @api.model
    def _counts(self, scope):
        """Return ``{kind: count}`` of the period and of the one before it."""
        now, before = {}, {}
        for current, kind, _type, _latency, count in self._tallies(scope):
            counts = now if current else before
            counts[kind] = counts.get(kind, 0) + count
        return now, before

    @api.model
    def _tallies(self, scope):
        """Return ``[(of the period, kind, type id, latency class, count)]``.

        What is not of the period is of the one before it.

        Read once for all figures, from an index alone (``hour_index`` of tallies).
        """
        if scope.tallies is None:
            (start, end), (begin, _start) = scope.periods
            scope.tallies = self.env.execute_query(
                SQL(
                    """SELECT hour >= %s, kind, type_id, latency_class,
                        sum(count)::bigint
                    FROM healthcare_tally WHERE hour >= %s AND hour < %s AND %s
                    GROUP BY 1, 2, 3, 4""",
                    start,
                    begin,
                    end,
                    scope.facility,
                )
            )
        return scope.tallies

    @api.model
    def _counted(self, kind, label, now, before, scope, bad=False):
        domains = {
            "received": [
                ("received_at", ">=", scope.start),
                ("rejected", "=", False),
            ],
            "done": [("processed_at", ">=", scope.start), ("state", "=", "done")],
            "rejected": [("received_at", ">=", scope.start), ("rejected", "=", True)],
            # Each time that the last attempt failed, which may be several of an event.
            "failed": [
                ("date", ">=", scope.start),
                ("operation", "=", "process"),
                ("outcome", "=", "failed"),
            ],
            "throttled": None,
        }
        domain = domains[kind]
        model = "healthcare.sync.log" if kind == "failed" else "healthcare.event"
        value = int(now.get(kind, 0))
        return self._figure(
            kind,
            label,
            value,
            before=int(before.get(kind, 0)),
            bad=bad and bool(value),
            model=model if domain is not None else False,
            domain=[*domain, *scope.events] if domain is not None else [],
        )

    @api.model
    def _unfinished(self, scope):
        """Return ``[(state, type id, count, seconds the oldest has waited)]``.

        Read once for all figures, from an index alone (``open_index`` of events).
        """
        if scope.unfinished is None:
            scope.unfinished = self.env.execute_query(
                SQL(
                    """SELECT state, type_id, count(*),
                        extract(epoch FROM %s - min(received_at))
                    FROM healthcare_event WHERE state IN %s AND %s GROUP BY 1, 2""",
                    scope.now,
                    UNFINISHED,
                    scope.facility,
                )
            )
        return scope.unfinished

    # -- workflows --------------------------------------------------------------

    @api.model
    def _workflows(self, scope):
        """Return per event type its volume, latency, share of failures and backlog."""
        rows = {}
        for current, outcome, kind, latency, count in self._tallies(scope):
            if not current or not kind or outcome not in OUTCOMES:
                continue
            outcomes, classes = rows.setdefault(kind, ({}, {}))
            outcomes[outcome] = outcomes.get(outcome, 0) + count
            if latency is not None:
                classes[latency] = classes.get(latency, 0) + count
        backlog = {}
        for _state, kind, count, age in self._unfinished(scope):
            if kind:
                known = backlog.get(kind, (0, 0))
                backlog[kind] = known[0] + count, max(known[1], age or 0)
        result = []
        types = self.env["healthcare.event.type"].browse({*rows, *backlog}).sorted()
        for kind in types:
            outcomes, classes = rows.get(kind.id, ({}, {}))
            done = outcomes.get("done", 0) + outcomes.get("stale", 0)
            failed = outcomes.get("parked", 0) + outcomes.get("failed", 0)
            count, age = backlog.get(kind.id, (0, 0))
            result.append(
                {
                    "id": kind.id,
                    "name": kind.name,
                    "volume": done,
                    "p50": _quantile(classes, 0.5),
                    "p95": _quantile(classes, 0.95),
                    "failures": 100.0 * failed / (done + failed) if failed else 0.0,
                    "backlog": count,
                    "age": float(age or 0),
                    "domain": [("type_id", "=", kind.id), *scope.events],
                }
            )
        return result

    # -- business ---------------------------------------------------------------

    @api.model
    def _business(self, scope):
        return [
            *self._visit_figures(scope),
            *self._money_figures(scope),
            # What waits for a target is told for all facilities together.
            *([] if scope.limit.facilities else self._freshness_figures()),
        ]

    @api.model
    def _visit_figures(self, scope):
        unsynchronised = [
            ("state", "in", list(UNFINISHED)),
            ("type_id.code", "=like", "appointment.%"),
            *scope.events,
        ]
        soon = scope.now + timedelta(days=NOT_CLEARED_DAYS)
        not_cleared = [
            ("start", ">=", scope.now),
            ("start", "<", soon),
            ("state", "in", ("booked", "confirmed", "checked_in")),
            ("clearance", "!=", "cleared"),
            ("facility_id", "in", scope.facilities.ids),
        ]
        of_visits = self.env["healthcare.event.type"].search(
            [("code", "=like", "appointment.%")]
        )
        count = sum(
            row[2] for row in self._unfinished(scope) if row[1] in of_visits._ids
        )
        uncleared = self.env["healthcare.appointment"].search_count(not_cleared)
        return [
            self._figure(
                "unsynchronised",
                self.env._("Appointments Not Synchronised"),
                count,
                bad=bool(count),
                model="healthcare.event",
                domain=unsynchronised,
            ),
            self._figure(
                "not_cleared",
                self.env._("Not Cleared, Within %s Days", NOT_CLEARED_DAYS),
                uncleared,
                bad=bool(uncleared),
                model="healthcare.appointment",
                domain=not_cleared,
            ),
        ]

    @api.model
    def _money_figures(self, scope):
        invoice_now, invoice_before = self._lags(scope, "service.completed")
        payment_now, payment_before = self._lags(scope, "payment.received")
        denied = [
            ("state", "=", "denied"),
            ("facility_id", "in", scope.facilities.ids),
        ]
        at_risk = [
            ("state", "in", ("open", "assigned")),
            ("company_id", "in", [*self.env.companies.ids, False]),
            *([] if scope.everything and not scope.limit.facilities else scope.events),
        ]
        ((risk,),) = self.env["healthcare.exception"]._read_group(
            at_risk, [], ["amount_at_risk:sum"]
        )
        return [
            self._figure(
                "invoice_lag",
                self.env._("From Service to Invoice"),
                invoice_now,
                before=invoice_before,
                unit="seconds",
                help=self.env._("Nineteen of twenty invoices were there within it."),
            ),
            self._figure(
                "payment_lag",
                self.env._("From Payment to Posting"),
                payment_now,
                before=payment_before,
                unit="seconds",
                help=self.env._("Nineteen of twenty payments were posted within it."),
            ),
            self._figure(
                "denied",
                self.env._("Denied Claims"),
                self.env["healthcare.claim"].search_count(denied),
                model="healthcare.claim",
                domain=denied,
            ),
            self._figure(
                "at_risk",
                self.env._("Amount at Risk"),
                risk or 0.0,
                unit="money",
                model="healthcare.exception",
                domain=at_risk,
            ),
        ]

    @api.model
    def _lags(self, scope, code):
        """Return within how many seconds 95 % of a type were done, now and before.

        0 for none.
        """
        wanted = self.env["healthcare.event.type"]._ids_by_code().get(code)
        now, before = {}, {}
        for current, _kind, kind, latency, count in self._tallies(scope):
            if kind == wanted and latency is not None:
                classes = now if current else before
                classes[latency] = classes.get(latency, 0) + count
        return _quantile(now, 0.95), _quantile(before, 0.95)

    @api.model
    def _freshness_figures(self):
        return [
            self._figure(
                f"target-{number}",
                self.env._("Facts for %s Wait Since", name),
                float(age),
                unit="seconds",
                bad=float(age) > 900 or breaker > 0,
                help=self.env._("%s still to be delivered.", pending),
                model="healthcare.target",
                domain=[("name", "=", name)],
            )
            for number, (name, pending, age, breaker) in enumerate(self._deliveries())
        ]

    # -- in time ----------------------------------------------------------------

    @api.model
    def _series(self, scope):
        """Return ``[{at, received, done, trouble}]``, by hour, of a month by day."""
        step = "day" if scope.hours > 7 * 24 else "hour"
        rows = self.env.execute_query(
            SQL(
                """SELECT to_char(x.at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                    coalesce(t.received, 0), coalesce(t.done, 0),
                    coalesce(t.trouble, 0)
                FROM generate_series(date_trunc(%(step)s, %(start)s::timestamp),
                    %(now)s, %(length)s::interval) AS x(at)
                LEFT JOIN (
                    SELECT date_trunc(%(step)s, hour) AS at,
                        sum(count) FILTER (WHERE kind = 'received') AS received,
                        sum(count) FILTER (WHERE kind IN ('done', 'stale')) AS done,
                        sum(count) FILTER (
                            WHERE kind IN ('parked', 'failed', 'rejected')) AS trouble
                    FROM healthcare_tally WHERE hour >= %(start)s AND %(facility)s
                    GROUP BY 1) t ON t.at = x.at
                ORDER BY x.at""",
                step=step,
                start=scope.start,
                now=scope.now,
                length=f"1 {step}",
                facility=scope.facility,
            )
        )
        return [
            {"at": at, "received": int(a), "done": int(b), "trouble": int(c)}
            for at, a, b, c in rows
        ]

    @api.model
    def _figure(self, key, label, value, **more):
        return {
            "key": key,
            "label": label,
            "value": value,
            "unit": "count",
            "before": None,
            "bad": False,
            "help": False,
            "model": False,
            "domain": [],
            **more,
        }


class _Scope:
    """What a control room is about: a time, and facilities."""

    def __init__(self, period, facilities, everything, limit):
        self.hours = RANGES.get(period, RANGES["day"])
        self.now = clock.utc_now()
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        self.start = hour - timedelta(hours=self.hours - 1)
        length = timedelta(hours=self.hours)
        self.periods = (
            (self.start, self.start + length),
            (self.start - length, self.start),
        )
        self.facilities = facilities
        self.everything = everything
        self.limit = limit
        #: read by the first figure that needs them
        self.tallies = self.unfinished = None
        ids = facilities.ids or [0]
        self.facility = SQL("facility_id = ANY(%s)", ids)
        self.events = [("facility_id", "in", ids)]
        if everything and limit.facilities:
            # What could not be read names no facility, but may be of no other one.
            own = list(limit.own_sources)
            self.facility = SQL(
                """(facility_id = ANY(%s)
                    OR facility_id IS NULL AND source_id = ANY(%s))""",
                ids,
                own,
            )
            self.events = [
                "|",
                ("facility_id", "in", ids),
                "&",
                ("facility_id", "=", False),
                ("source_id", "in", own),
            ]
        elif everything:
            # What could not be read names no facility.
            self.facility = SQL("(facility_id = ANY(%s) OR facility_id IS NULL)", ids)
            self.events = [("facility_id", "in", [*ids, False])]


def _quantile(classes, share):
    """Return the latency below which a share lies, in seconds, 0 for none.

    Within a class it is taken as evenly spread; beyond the last bound, the bound.
    """
    total = sum(classes.values())
    if not total:
        return 0.0
    wanted, passed = share * total, 0
    for latency in sorted(classes):
        if passed + classes[latency] >= wanted:
            low = BOUNDS[latency - 1] if latency else 0.0
            high = BOUNDS[min(latency, len(BOUNDS) - 1)]
            return low + (high - low) * (wanted - passed) / classes[latency]
        passed += classes[latency]
    return BOUNDS[-1]
