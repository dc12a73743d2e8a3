"""Figures as Prometheus text 0.0.4.

The library is imported when something scrapes: only the worker that does so pays.
"""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(families):
    """Return the exposition of metric families as bytes.

    :param families: dicts with ``name`` (without ``_total``), ``help``, ``kind``
        (``counter``, ``gauge`` or ``histogram``), ``labels`` (their names) and
        ``samples``: ``[(label values, number)]``; of a histogram
        ``[(label values, [(bound, count up to it)], sum)]`` with bounds as text, the
        last one ``+Inf``
    """
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Families(families))
    return generate_latest(registry)


class _Families:
    def __init__(self, families):
        self.families = families

    def describe(self):
        return []

    def collect(self):
        from prometheus_client import core

        kinds = {
            "counter": core.CounterMetricFamily,
            "gauge": core.GaugeMetricFamily,
            "histogram": core.HistogramMetricFamily,
        }
        for one in self.families:
            family = kinds[one["kind"]](one["name"], one["help"], labels=one["labels"])
            for sample in one["samples"]:
                family.add_metric(list(map(str, sample[0])), *sample[1:])
            yield family
