"""The dashboard of analytics: figures of a period beside those of the one before."""

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.tools import get_lang

LINES = 12  # service lines in a chart
#: days a range covers, and by what its charts are grouped
RANGES = {
    "week": (7, "day"),
    "month": (30, "day"),
    "quarter": (90, "week"),
    "year": (365, "month"),
}


class HealthcareFigures(models.AbstractModel):
    _inherit = "healthcare.figures"

    @api.model
    def dashboard(self, period=None, facility_id=False):
        """Return the sections of the dashboard that the user may see.

        :param str period: a key of :data:`RANGES`: up to now, compared with as long a
            time before it; none for the shortest from a month on with visits in it
        :param facility_id: one facility, or all the user may see
        :return: ``{"period", "facilities": [{id, name}], "currency_id",
            "sections": [{key, label, help, figures, charts}]}``; figures as in
            :meth:`control_room`, with ``context`` for the view they open; a chart is
            ``{key, label, labels, stacked, unit, sets: [{key, label, data}]}``,
            ``labels`` dates or names
        :raise AccessError: for who is neither operator nor auditor
        """
        self._check_reader()
        facilities = self.env["healthcare.facility"].search([("active", "=", True)])
        chosen = facilities.filtered_domain([("id", "=", facility_id)])
        scope = _Scope(self.env, period or self._period_with_visits(chosen), chosen)
        sections = (
            ("healthcare.throughput", self._throughput_section),
            ("healthcare.utilization", self._utilization_section),
            ("healthcare.reimbursement", self._reimbursement_section),
            ("healthcare.margin", self._margin_section),
        )
        return {
            "period": scope.period,
            "facilities": [{"id": f.id, "name": f.name} for f in facilities],
            "currency_id": self.env.company.currency_id.id,
            "sections": [
                section(scope)
                for model, section in sections
                if self.env[model].has_access("read")
            ],
        }

    @api.model
    def _period_with_visits(self, chosen):
        visits = self.env["healthcare.utilization"]
        for period in ("month", "quarter", "year"):
            if visits.search_count(_Scope(self.env, period, chosen).now, limit=1):
                return period
        return "month"

    # -- sections ---------------------------------------------------------------

    @api.model
    def _throughput_section(self, scope):
        report = self.env["healthcare.throughput"]
        names = dict(report._fields["measure"]._description_selection(self.env))
        rows = report._read_group(scope.now, [scope.step, "measure"], ["count:sum"])
        now = defaultdict(int)
        for _start, measure, count in rows:
            now[measure] += count
        before = dict(report._read_group(scope.before, ["measure"], ["count:sum"]))
        return {
            "key": "throughput",
            "label": self.env._("Throughput"),
            "help": self.env._("Events taken in, and documents made of them."),
            "figures": [
                self._figure(
                    measure,
                    names[measure],
                    now[measure],
                    before=before.get(measure, 0),
                    bad=measure == "held" and bool(now[measure]),
                    model=report._name,
                    domain=[*scope.now, ("measure", "=", measure)],
                    context=_view(["count"], [scope.step], ["facility_id"]),
                )
                for measure in names
                if measure != "authorization"
            ],
            "charts": [
                self._chart_of(
                    rows,
                    scope,
                    "documents",
                    self.env._("Documents"),
                    {
                        name: names[name]
                        for name in ("registration", "appointment", "service", "claim")
                    },
                    split=True,
                )
            ],
        }

    @api.model
    def _utilization_section(self, scope):
        report = self.env["healthcare.utilization"]
        labels = {
            "booked": self.env._("Visits Planned"),
            "completed": self.env._("Completed"),
            "no_show": self.env._("Not Kept"),
            "cancelled": self.env._("Cancelled"),
            "no_show_rate": self.env._("No-Show Rate"),
            "cancelled_rate": self.env._("Share Cancelled"),
        }
        states = dict(report._fields["state"]._description_selection(self.env))
        return {
            "key": "utilization",
            "label": self.env._("Utilization"),
            "help": self.env._("Visits of this time and what became of them."),
            "figures": self._measured(
                report,
                scope,
                labels,
                units={"no_show_rate": "percent", "cancelled_rate": "percent"},
                rows=["service_line_id", "provider"],
            ),
            "charts": [
                self._chart_of(
                    report._read_group(
                        scope.now, [scope.step, "state"], ["booked:sum"]
                    ),
                    scope,
                    "visits",
                    self.env._("Visits"),
                    states,
                    split=True,
                    stacked=True,
                )
            ],
        }

    @api.model
    def _reimbursement_section(self, scope):
        report = self.env["healthcare.reimbursement"]
        labels = {
            "charged": self.env._("Charged"),
            "allowed": self.env._("Allowed"),
            "adjusted": self.env._("Adjusted"),
            "paid": self.env._("Paid by Payers"),
            "denied": self.env._("Denied"),
            "denial_rate": self.env._("Denial Rate"),
            "days_to_payment": self.env._("Days to Payment"),
            "billed": self.env._("Invoiced"),
        }
        units = {"denial_rate": "percent", "days_to_payment": "days"}
        figures = self._measured(
            report,
            scope,
            labels,
            units={name: units.get(name, "money") for name in labels},
            rows=["payer_id"],
        )
        unpaid = [("age", "!=", False), *scope.places]
        ages = dict(report._fields["age"]._description_selection(self.env))
        open_now = dict(report._read_group(unpaid, ["age"], ["open_amount:sum"]))
        figures.append(
            self._figure(
                "open_amount",
                self.env._("A/R Today"),
                sum(open_now.values()),
                unit="money",
                help=self.env._("All that is still to be paid, however old."),
                model=report._name,
                domain=unpaid,
                context=_view(["open_amount"], ["payer_id"], ["age"]),
            )
        )
        return {
            "key": "reimbursement",
            "label": self.env._("Reimbursement"),
            "help": self.env._("Claims by when they were last heard of."),
            "figures": figures,
            "charts": [
                self._chart_of(
                    report._read_group(
                        scope.now,
                        [scope.step],
                        ["charged:sum", "paid:sum", "adjusted:sum"],
                    ),
                    scope,
                    "claims",
                    self.env._("Claims"),
                    {
                        number: labels[name]
                        for number, name in enumerate(("charged", "paid", "adjusted"))
                    },
                    unit="money",
                ),
                {
                    "key": "ages",
                    "label": self.env._("A/R by Age"),
                    "labels": [*ages.values()],
                    "stacked": False,
                    "unit": "money",
                    "sets": [
                        {
                            "key": "open_amount",
                            "label": self.env._("A/R"),
                            "data": [open_now.get(age, 0.0) for age in ages],
                        }
                    ],
                },
            ],
        }

    @api.model
    def _margin_section(self, scope):
        report = self.env["healthcare.margin"]
        labels = {
            "revenue": self.env._("Revenue"),
            "adjustments": self.env._("Adjustments"),
            "supplies": self.env._("Supplies at Cost"),
            "margin": self.env._("Margin"),
        }
        lines = report._read_group(
            scope.now,
            ["service_line_id"],
            [f"{name}:sum" for name in labels],
            order="margin:sum DESC",
        )
        now = [sum(row[number] or 0.0 for row in lines) for number in range(1, 5)]
        return {
            "key": "margin",
            "label": self.env._("Service Lines"),
            "help": self.env._("Revenue, less adjustments, less supplies at cost."),
            "figures": self._measured(
                report,
                scope,
                labels,
                units=dict.fromkeys(labels, "money"),
                rows=["service_line_id"],
                all_measures=True,
                now=now,
            ),
            "charts": [
                {
                    "key": "lines",
                    "label": self.env._("Margin by Service Line"),
                    "labels": [
                        line.name or self.env._("No service line")
                        for line, *_ in lines[:LINES]
                    ],
                    "stacked": False,
                    "unit": "money",
                    "sets": [
                        {
                            "key": name,
                            "label": label,
                            "data": [row[number] or 0.0 for row in lines[:LINES]],
                        }
                        for number, (name, label) in enumerate(labels.items(), 1)
                    ],
                }
            ],
        }

    # -- parts ------------------------------------------------------------------

    @api.model
    def _measured(
        self, report, scope, labels, units, rows, all_measures=False, now=None
    ):
        """Return one figure per measure of a report.

        :param rows: what the view behind a figure is grouped by
        :param all_measures: show all of them in the view behind each
        :param now: values of the period, where they are known already
        """
        aggregates = [
            f"{name}:{report._fields[name].aggregator or 'sum'}" for name in labels
        ]
        (before,) = report._read_group(scope.before, [], aggregates)
        if now is None:
            (now,) = report._read_group(scope.now, [], aggregates)
        return [
            self._figure(
                name,
                label,
                now[number] or 0,
                before=before[number] or 0,
                unit=units.get(name, "count"),
                help=report._fields[name]._description_help(self.env) or False,
                model=report._name,
                domain=scope.now,
                context=_view(
                    [*labels] if all_measures else [name], rows, ["facility_id"]
                ),
            )
            for number, (name, label) in enumerate(labels.items())
        ]

    @api.model
    def _chart_of(
        self, rows, scope, key, label, names, split=False, stacked=False, unit="count"
    ):
        """Return a chart over the period.

        :param rows: groups by the step of the scope, with an aggregate for each set; or
            by that and a second field, with one aggregate
        :param names: ``{number of the aggregate, or value of the field: label}``
        :param split: whether there is a second field
        """
        starts = scope.starts()
        found = {}
        for start, *values in rows:
            day = fields.Date.to_date(start) if start else None
            if split:
                found[day, values[0]] = values[1] or 0
            else:
                found.update({(day, n): v or 0 for n, v in enumerate(values)})
        return {
            "key": key,
            "label": label,
            "labels": [start.isoformat() for start in starts],
            "stacked": stacked,
            "unit": unit,
            "sets": [
                {
                    "key": str(value),
                    "label": name,
                    "data": [found.get((start, value), 0) for start in starts],
                }
                for value, name in names.items()
            ],
        }


class _Scope:
    """What a dashboard is about: a time, the one before it, and facilities."""

    def __init__(self, env, period, chosen):
        self.period = period if period in RANGES else "month"
        days, self.unit = RANGES[self.period]
        self.week_start = int(get_lang(env).week_start) - 1
        zone = ZoneInfo(env.context.get("tz") or env.user.tz or "UTC")
        self.last = datetime.now(zone).date()
        self.first = self.last - timedelta(days=days - 1)
        moments = [
            datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)
            for day in (
                self.first - timedelta(days=days),
                self.first,
                self.last + timedelta(days=1),
            )
        ]
        self.places = [("facility_id", "in", chosen.ids)] if chosen else []
        self.before, self.now = (
            [("date", ">=", start), ("date", "<", end), *self.places]
            for start, end in (moments[:2], moments[1:])
        )
        self.step = f"date:{self.unit}"

    def starts(self):
        """Return the first day of each group of the period."""
        days = (self.last - self.first).days + 1
        starts = [self._start(self.first + timedelta(days=day)) for day in range(days)]
        return [*dict.fromkeys(starts)]

    def _start(self, day):
        if self.unit == "week":  # begins where the reader's language says
            return day - timedelta(days=(day.weekday() - self.week_start) % 7)
        return fields.Date.start_of(day, self.unit)


def _view(measures, rows, columns):
    """Return the context that opens a pivot or a graph on measures."""
    return {
        "pivot_measures": measures,
        "pivot_row_groupby": rows,
        "pivot_column_groupby": columns,
        "graph_measure": measures[-1],
        "graph_groupbys": rows[:1],
    }
