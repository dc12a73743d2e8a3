"""What people and systems ask of a database all day, timed inside Odoo."""

import statistics
import time
from contextlib import contextmanager
from functools import partial

from lxml import etree

from odoo.sql_db import Cursor

ROUNDS = 3
OPEN = [("state", "in", ("open", "assigned"))]
LIST = {"limit": 80, "count_limit": 10001}


def measure(env, rounds=ROUNDS, users=None):
    """Time each thing asked; changes are rolled back.

    :param users: an operator, an auditor and an administrator; else those of the demo.
        What the first two ask is asked as well by others, limited to a small facility

    :return: ``{what: (seconds, [(seconds, query, parameters)])}``, the median of some
        rounds after a first one, and all queries of the last one, slowest first
    """
    result = {}
    for what, ask in asked(env, users or _demo_users(env)):
        times = []
        for turn in range(rounds + 1):
            env.flush_all()
            env.invalidate_all()
            savepoint = env.cr.savepoint(flush=False)
            try:
                with _recorded(env.cr) as queries:
                    start = time.perf_counter()
                    ask()
                    env.flush_all()
                    if turn:
                        times.append(time.perf_counter() - start)
            finally:
                env.invalidate_all(flush=False)
                savepoint.rollback()
                savepoint.close(rollback=False)
        queries.sort(key=lambda row: -row[0])
        result[what] = statistics.median(times or [0.0]), queries
    return result


@contextmanager
def _recorded(cr):
    """Note the queries of a cursor, with the seconds each takes."""
    queries, execute = [], Cursor.execute

    def noting(self, query, params=None, *args, **kwargs):
        start = time.perf_counter()
        try:
            return execute(self, query, params, *args, **kwargs)
        finally:
            text = getattr(query, "code", query)
            values = getattr(query, "params", params)
            queries.append((time.perf_counter() - start, text, values))

    Cursor.execute = noting
    try:
        yield queries
    finally:
        Cursor.execute = execute


def can_explain(query):
    """Whether a query can be run again by itself.

    What changes rows found by their ids may need other rows made before it.
    """
    first = query.split(None, 1)[0].upper()
    return first in ("SELECT", "WITH") or (first == "UPDATE" and " FROM " in query)


def plan(cr, query, params, options="ANALYZE, BUFFERS"):
    """Return the plan of a query that was measured, run once more; changes nothing."""
    with cr.savepoint(flush=False) as savepoint:
        cr.execute(f"EXPLAIN ({options}) {query}", params)
        lines = [row[0] for row in cr.fetchall()]
        savepoint.rollback()
    return lines


def _demo_users(env):
    return [
        env.ref(f"healthcare_connector.user_{role}")
        for role in ("operator", "auditor", "administrator")
    ]


def _limited_users(env, users):
    """Make users of the same groups who see no more than a facility with nothing yet.

    Of what belongs to others they find nothing, which takes longest without an index.
    """
    facility = env["healthcare.facility"].create({"name": "Small", "code": "VOL-SMALL"})
    return [
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            {
                "name": f"{user.login}-limited",
                "login": f"{user.login}-limited",
                "group_ids": user.group_ids.ids,
                "healthcare_facility_ids": facility.ids,
            }
        )
        for user in users
    ]


def asked(env, users):
    """Return ``[(what, function)]``."""
    operator, auditor, administrator = users
    limited = _limited_users(env, [operator, auditor])
    return [
        *(
            (f"limited: {what}", ask)
            for user, ways in zip(limited, ((_desk, _parts), (_rooms,)), strict=True)
            for way in ways
            for what, ask in way(env(user=user.id))
        ),
        *_desk(env(user=operator.id)),
        *_rooms(env(user=auditor.id)),
        *_forms(env(user=administrator.id)),
        *_system(env),
    ]


def _desk(env):
    exceptions = env["healthcare.exception"]
    mine = [("user_id", "=", env.uid), *OPEN]
    some = exceptions.search([*OPEN, ("blocks_event", "=", True)], limit=1)
    word = "VOLUME-7"
    return [
        ("my queue, list", lambda: _list(exceptions, mine)),
        ("my queue by category", lambda: _groups(exceptions, mine, "category")),
        ("team queue, kanban", lambda: _kanban(exceptions, OPEN, "category")),
        ("team queue, list", lambda: _list(exceptions, OPEN)),
        ("team queue, second page", lambda: _list(exceptions, OPEN, offset=80)),
        (
            "team queue by risk",
            lambda: _list(exceptions, OPEN, order="amount_at_risk desc"),
        ),
        ("team queue by problem", lambda: _groups(exceptions, OPEN, "cause_id")),
        (
            "overdue",
            lambda: _list(exceptions, [*OPEN, ("deadline", "<", "now")]),
        ),
        (
            "search of a reason",
            lambda: _list(
                exceptions,
                [
                    *OPEN,
                    *["|", ("name", "ilike", word), ("reason", "ilike", word)],
                ],
            ),
        ),
        ("all exceptions, list", lambda: _list(exceptions, [])),
        ("exception, form", lambda: _form(some)),
        (
            "problems, list",
            lambda: _list(env["healthcare.exception.cause"], [("state", "=", "open")]),
        ),
        (
            "appointments, list",
            lambda: _list(env["healthcare.appointment"], []),
        ),
        (
            "patient by reference",
            lambda: env["res.partner"].search(
                [("healthcare_reference", "=", "V77")], limit=8
            ),
        ),
        (
            "patients by part of a reference",
            lambda: env["res.partner"].search(
                [
                    ("healthcare_is_patient", "=", True),
                    ("healthcare_reference", "ilike", "V77"),
                ],
                limit=8,
            ),
        ),
    ]


def _rooms(env):
    figures = env["healthcare.figures"]
    events, facts = env["healthcare.event"], env["healthcare.fact"]
    one = env["healthcare.facility"].search([], limit=1)
    some = events.search([("state", "=", "done")], limit=1)
    week = [("received_at", ">=", "now -7d")]
    return [
        ("control room, day", lambda: figures.control_room("day")),
        ("control room, week", lambda: figures.control_room("week")),
        ("control room, month", lambda: figures.control_room("month")),
        (
            "control room, one facility",
            lambda: figures.control_room("day", one.id),
        ),
        *(
            (f"dashboard, {period}", partial(figures.dashboard, period))
            for period in ("week", "month", "year")
        ),
        (
            "reimbursement of a quarter, pivot",
            lambda: _pivot(
                env["healthcare.reimbursement"],
                [("date", ">=", "now -90d")],
                ["payer_id", "date:month"],
                ["charged:sum", "paid:sum", "open_amount:sum"],
            ),
        ),
        (
            "margin of a quarter, pivot",
            lambda: _pivot(
                env["healthcare.margin"],
                [("date", ">=", "now -90d")],
                ["service_line_id", "facility_id"],
                ["services:sum", "margin:sum"],
            ),
        ),
        ("events, list", lambda: _list(events, [])),
        (
            "events held up, list",
            lambda: _list(events, [("state", "in", ("exception", "dead"))]),
        ),
        (
            "events of the last day by kind",
            lambda: _groups(events, [("received_at", ">=", "now -24H")], "type_id"),
        ),
        ("event by vendor id", lambda: _list(events, _by_id("volume-4711"))),
        ("event, form", lambda: _form(some)),
        ("facts, list", lambda: _list(facts, [])),
        ("fact, form", lambda: _form(some.fact_ids[:1])),
        (
            "facts of the last week",
            lambda: _list(facts, [("recorded_at", ">=", "now -7d")]),
        ),
        ("sync log, list", lambda: _list(env["healthcare.sync.log"], [])),
        (
            "sync log, what failed",
            lambda: _list(
                env["healthcare.sync.log"],
                [("outcome", "in", ("failed", "parked"))],
            ),
        ),
        ("deliveries", lambda: _list(env["healthcare.delivery.batch"], [])),
        (
            "events of the last week, by source",
            lambda: _groups(events, week, "source_id"),
        ),
    ]


def _parts(env):
    """What is seen by whoever sees what it belongs to."""
    models = (
        ("facts to deliver", "healthcare.delivery"),
        ("documents of events", "healthcare.document.link"),
        ("charges", "healthcare.completion.line"),
        ("services of visits", "healthcare.appointment.service"),
        ("adjustments of claims", "healthcare.claim.adjustment"),
        ("coverages", "healthcare.coverage"),
        ("patients' numbers", "healthcare.patient.identifier"),
    )
    patient = env["res.partner"].search([("healthcare_is_patient", "=", True)], limit=1)
    timeline = env["healthcare.patient.timeline"]
    return [
        *((what, lambda n=name: _list(env[n], [])) for what, name in models),
        (
            "timeline of a patient",
            lambda: _list(timeline, [("patient_id", "=", patient.id)]),
        ),
    ]


def _forms(env):
    source = env["healthcare.source"].search([("code", "=", "demo-access")], limit=1)
    facility = env["healthcare.facility"].search([], limit=1)
    target = env["healthcare.target"].search([], limit=1)
    return [
        ("source, form", lambda: _form(source)),
        ("sources, list", lambda: _list(env["healthcare.source"], [])),
        ("event types, list", lambda: _list(env["healthcare.event.type"], [])),
        ("facility, form", lambda: _form(facility)),
        ("targets, list", lambda: _list(env["healthcare.target"], [])),
        ("target, form", lambda: _form(target)),
    ]


def _system(env):
    engine = env["healthcare.engine"]
    partitions = list(range(64))
    target = env["healthcare.target"].search([], limit=1)
    source = env["healthcare.source"].search([("code", "=", "demo-access")], limit=1)
    events = env["healthcare.event"]
    done = events.search([("state", "=", "done")], limit=400)
    held = events.search([("state", "=", "exception")], limit=40)
    uuid = events.search([("source_id", "=", source.id)], limit=1).uuid

    def status(domain):
        found = events.search(
            [*domain, ("source_id", "=", source.id)], order="rejected, id desc", limit=1
        )
        return found.open_exception_id.reason

    def settle():
        run = _run()
        run.done = set(done.ids)
        run.parked = {one.id: _error(one.subject) for one in held}
        engine._settle(run)

    def deliver():
        batch = env["healthcare.delivery.batch"]._open_batch(target)
        batch._note_taken(200, time.monotonic())

    return [
        ("metrics", env["healthcare.figures"]._exposition),
        ("status by our id", lambda: status([("uuid", "=", uuid)])),
        (
            "status by the vendor's id",
            lambda: status([("external_id", "=", "volume-4711")]),
        ),
        ("engine: claim", lambda: engine._claim(partitions)),
        ("engine: take back", lambda: engine._recover(partitions)),
        ("engine: settle", settle),
        ("engine: sweep", engine._cron_sweep),
        ("engine: technical failures", engine._cron_retry_exhausted),
        ("problems: sync", env["healthcare.exception.cause"]._sync),
        ("silent sources", env["healthcare.source"]._cron_silence),
        ("tallies: fold", env["healthcare.tally"]._cron_fold),
        ("delivery: one batch", deliver),
        ("backlog limit", lambda: env["healthcare.backlog"]._waiting(100000)),
    ]


def _run():
    from odoo.addons.healthcare_connector.models.exchange.engine import Run

    return Run()


def _error(cause):
    from odoo.addons.healthcare_connector.core.errors import ParkError

    return ParkError("missing_dependency", "missing", cause)


def _by_id(word):
    return ["|", ("external_id", "=", word), ("uuid", "=", word)]


# What the web client sends for a view.

_seen = {}


def _specification(model, kind):
    """Return what a view reads, as the web client asks for it; kept as it keeps it."""
    key = model._name, kind, model.env.uid
    if key not in _seen:
        _seen[key] = _read_view(model, kind)
    return _seen[key]


def _read_view(model, kind):
    arch = etree.fromstring(model.get_views([(False, kind)])["views"][kind]["arch"])
    known, found = model._fields, {}
    # a list within a form has fields of its own
    for node in arch.xpath("//field[not(ancestor::field)]"):
        field = known.get(node.get("name"))
        if not field:
            continue
        wanted = found.setdefault(field.name, {})
        if field.type == "many2one":
            wanted["fields"] = {"display_name": {}}
        elif field.type in ("one2many", "many2many"):
            inside = {n.get("name") for n in node.xpath(".//field")} or {"display_name"}
            other = model.env[field.comodel_name]
            wanted["limit"] = 40
            wanted["fields"] = {name: {} for name in inside if name in other._fields}
    return found


def _list(model, domain, offset=0, order=None):
    return model.web_search_read(
        domain, _specification(model, "list"), offset=offset, order=order, **LIST
    )


def _sums(model, kind):
    """Return the sums of a view's groups, as the web client asks for them."""
    key = model._name, kind, model.env.uid, "sums"
    if key not in _seen:
        _seen[key] = _read_sums(model, kind)
    return _seen[key]


def _read_sums(model, kind):
    arch = etree.fromstring(model.get_views([(False, kind)])["views"][kind]["arch"])
    names = {node.get("name") for node in arch.xpath("//field[@sum]")}
    names |= {node.get("sum_field") for node in arch.xpath("//progressbar[@sum_field]")}
    return ["__count", *(f"{n}:sum" for n in sorted(names) if model._fields[n].store)]


def _groups(model, domain, group):
    return model.web_read_group(domain, [group], _sums(model, "list"), limit=80)


def _kanban(model, domain, group):
    model.read_progress_bar(
        domain, group, {"field": "state", "colors": {"open": "x", "assigned": "y"}}
    )
    return model.web_read_group(
        domain,
        [group],
        _sums(model, "kanban"),
        auto_unfold=True,
        unfold_read_specification=_specification(model, "kanban"),
        unfold_read_default_limit=40,
    )


def _pivot(model, domain, groupby, aggregates):
    """Ask as a pivot does: for each row and column, and all they are divided by."""
    for depth in range(len(groupby) + 1):
        model.formatted_read_group(domain, groupby[:depth], aggregates)


def _form(record):
    return record.web_read(_specification(record, "form"))
