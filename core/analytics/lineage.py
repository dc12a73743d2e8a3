"""OpenLineage: what a delivery read, what it wrote, and which column came from where.

A batch is a run of the job "deliver to this target". It reads events of sources and
documents of Odoo, and writes facts of some types. Shapes are those of the published
specification 2-0-2; see https://openlineage.io/spec.
"""

import re
from urllib.parse import urlsplit

from .. import facts
from . import warehouse

PRODUCER = "https://github.com/healthcare-connector/healthcare_connector"
_SPEC = "https://openlineage.io/spec"
SCHEMA = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "schema": "1-1-1/SchemaDatasetFacet",
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "documentation": "1-0-1/DocumentationJobFacet",
    "jobType": "2-0-3/JobTypeJobFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
}
_FIELD = re.compile(r"[a-z_]+(\.[a-z_]+(\[\])?)+")


def run_events(run):
    """Return the two RunEvents of a batch: that it began, and how it ended.

    :param run: dict with ``id`` (UUID), ``database`` (UUID of it), ``target`` (id and
        name), ``url`` of the target, ``table`` (name or nothing), ``began`` and
        ``ended`` (ISO 8601), ``error`` (words, or nothing when it arrived) and
        ``read``: ``[(fact type, source code, event type, Odoo model, facts)]``, source
        and event type empty for what was done by hand
    """
    space = f"odoo://{run['database']}"
    number, name = run["target"]
    job = {
        "namespace": space,
        "name": f"deliver_facts.{number}",
        "facets": {
            "documentation": _facet(
                "documentation", description=f"Delivers facts to {name}"
            ),
            "jobType": _facet(
                "jobType", processingType="BATCH", integration="ODOO", jobType="JOB"
            ),
        },
    }
    inputs = _inputs(space, run["read"])
    outputs = _outputs(space, run)
    failed = run["error"]
    facets = {}
    if failed:
        facets["errorMessage"] = _facet(
            "errorMessage", message=failed, programmingLanguage="PYTHON"
        )
    return [
        _event("START", run["began"], {"runId": run["id"]}, job, inputs, []),
        _event(
            "FAIL" if failed else "COMPLETE",
            run["ended"],
            {"runId": run["id"], "facets": facets},
            job,
            inputs,
            outputs,
        ),
    ]


def sources(column):
    """Return what a column of the catalogue is taken from, as ``(dataset, field)``.

    The dataset is an Odoo model, or nothing for a path in an event.
    """
    result = []
    for part in (getattr(column, "source", None) or "").split(","):
        part = part.strip()
        if not _FIELD.fullmatch(part):
            continue  # said in words: more than one thing, or computed
        if part.startswith("data."):
            result.append((None, part))
        else:
            model, _dot, field = part.rpartition(".")
            result.append((model, field))
    return result


def namespace_of(url):
    """Return what names the system behind an address, without path and secrets."""
    parts = urlsplit(url)
    host = parts.hostname or "unknown"
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _event(kind, moment, run, job, inputs, outputs):
    return {
        "eventType": kind,
        "eventTime": moment,
        "run": run,
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
    }


def _facet(facet, **values):
    path = _FACETS[facet]
    name = path.partition("/")[2]
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{_SPEC}/facets/{path}.json#/$defs/{name}",
        **values,
    }


def _inputs(space, read):
    names = {}
    for fact_type, source, event_type, model, _count in read:
        if source:
            names[_events(source, event_type)] = None
        names[model] = None
        for column in facts.CATALOGUE[fact_type].values():
            names.update((one, None) for one, _field in sources(column) if one)
    return [{"namespace": space, "name": name} for name in names if name]


def _events(source, event_type):
    return f"events.{source}.{event_type}"


def _outputs(space, run):
    by_type = {}
    for fact_type, source, event_type, _model, count in run["read"]:
        told_of, total = by_type.get(fact_type, ((), 0))
        events = (_events(source, event_type),) if source else ()
        by_type[fact_type] = ({*told_of, *events}, total + count)
    return [
        {
            "namespace": namespace_of(run["url"]),
            "name": ".".join(filter(None, (run["table"], fact_type)))
            if run["table"] not in (None, "", warehouse.TABLE)
            else warehouse.view_name(fact_type),
            "facets": {
                "schema": _facet("schema", fields=_fields(fact_type)),
                "columnLineage": _facet(
                    "columnLineage", fields=_lineage(space, fact_type, sorted(events))
                ),
            },
            "outputFacets": {
                "outputStatistics": _facet("outputStatistics", rowCount=count)
            },
        }
        for fact_type, (events, count) in by_type.items()
    ]


def _fields(fact_type):
    return [
        {"name": name, "type": column.type, "description": column.meaning}
        for name, column in (
            *warehouse.HEAD.items(),
            *facts.CATALOGUE[fact_type].items(),
            *warehouse.TAIL.items(),
        )
    ]


def _lineage(space, fact_type, events):
    """Return where each column comes from; what a policy may change is masked."""
    result = {}
    for name, column in facts.CATALOGUE[fact_type].items():
        transformation = {
            "type": "DIRECT",
            "subtype": "TRANSFORMATION",
            "description": column.meaning,
            "masking": column.phi != "none",
        }
        fields = [
            {
                "namespace": space,
                "name": dataset,
                "field": field,
                "transformations": [transformation],
            }
            for model, field in sources(column)
            for dataset in ([model] if model else events)
        ]
        if fields:
            result[name] = {"inputFields": fields}
    return result
