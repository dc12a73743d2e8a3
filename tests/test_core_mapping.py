"""The mapping engine: rows, transforms, value maps, and what it refuses."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.core.mapping import bench as mapping_bench
from odoo.addons.healthcare_connector.core.mapping import (
    expressions as mapping_expressions,
)
from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.core.mapping import rows as mapping_rows
from odoo.addons.healthcare_connector.core.mapping import (
    transforms as mapping_transforms,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("a", "b", "item", "group")), inner)
    ),
    max_leaves=12,
)


def build(rows, **more):
    event = {"event": "thing.happened", "rows": rows}
    for name in ("when", "each", "time", "key", "choose"):
        if name in more:
            event[name] = more.pop(name)
    return {"format": "test", "kinds": ["T"], "events": [event], **more}


def apply(rows, document, value_maps=None, *, timezone=None, defaults=None, **more):
    return mapping.compile(build(rows, **more)).apply(
        document, value_maps, timezone=timezone, defaults=defaults
    )


def data(rows, document, **more):
    (outcome,) = apply(rows, document, **more)
    return outcome.data


class TestRows(BaseCase):
    def test_paths(self):
        rows = [
            {"field": "a.b", "from": "x"},
            {"field": "/a/c", "from": "y"},
            {"field": "d", "value": 0},
            {"field": "e", "from": "nothing", "default": []},
            {"field": "f", "from": "nothing"},
        ]
        self.assertEqual(
            data(rows, {"x": " 1 ", "y": ["2", " ", None]}),
            {"a": {"b": "1", "c": ["2"]}, "d": 0, "e": []},
        )

    def test_second_row_where_first_gives_nothing(self):
        rows = [{"field": "a", "from": "x"}, {"field": "a", "from": "y"}]
        self.assertEqual(data(rows, {"x": "1", "y": "2"}), {"a": "1"})
        self.assertEqual(data(rows, {"x": " ", "y": "2"}), {"a": "2"})
        rows[1]["required"] = True
        (outcome,) = apply(rows, {})
        self.assertEqual(
            outcome.errors,
            [
                {
                    "pointer": "/data/a",
                    "code": "required",
                    "detail": "This member is required.",
                }
            ],
        )
        rows.reverse()
        self.assertEqual(apply(rows, {"x": "1"})[0].errors, [])

    def test_lists(self):
        rows = [
            {
                "field": "things",
                "each": "xs",
                "rows": [
                    {"field": "code", "from": "item.c", "required": "item"},
                    {"field": "number", "from": "number"},
                    {"field": "of", "from": "name"},
                    {
                        "field": "parts",
                        "each": "item.ps",
                        "rows": [{"field": "p", "from": "item"}],
                    },
                ],
                "transforms": ["limit:2"],
            }
        ]
        xs = [{"c": "A", "ps": ["1", "2"]}, {"c": ""}, None, {"c": "B"}, {"c": "C"}]
        (outcome,) = apply(rows, {"xs": xs, "name": "N"})
        self.assertEqual(
            outcome.data["things"],
            [
                {
                    "code": "A",
                    "number": 1,
                    "of": "N",
                    "parts": [{"p": "1"}, {"p": "2"}],
                },
                {"code": "B", "number": 4, "of": "N"},
            ],
        )
        self.assertEqual(outcome.errors, [])
        self.assertEqual(
            outcome.notes[0]["detail"], "Item 2 was left out: it has no code."
        )

    def test_single(self):
        row = {
            "field": "one",
            "each": "xs",
            "single": True,
            "rows": [{"field": "c", "from": "item", "required": "item"}],
        }
        self.assertEqual(data([row], {"xs": ["", "A", "B"]}), {"one": {"c": "A"}})
        self.assertEqual(data([row], {"xs": []}), {})

    def test_events(self):
        rows = [{"field": "a", "from": "group.v"}, {"field": "n", "from": "place"}]
        found = apply(
            rows,
            {"xs": [{"v": "1"}, {"v": "2"}, {"v": "3"}], "t": "20260302"},
            each="xs",
            when="group.v != '2'",
            time={"from": "t", "transforms": ["hl7_datetime"]},
            key=["group.v", "place"],
        )
        self.assertEqual(
            [(o.data["a"], o.data["n"]) for o in found], [("1", 1), ("3", 3)]
        )
        self.assertEqual(found[0].time, "2026-03-02T00:00:00Z")
        self.assertEqual([o.id_parts for o in found], [["1", "1"], ["3", "3"]])
        ids = {mapping.event_id("k", outcome) for outcome in found}
        self.assertEqual(len(ids | {mapping.event_id("l", found[0])}), 3)

    def test_chosen_events(self):
        choose = {"from": "s", "transforms": ["map:statuses"]}
        maps = {"statuses": {"A": "thing.arrived", "B": "no event"}}
        compiled = mapping.compile(
            {
                **build([{"field": "a", "value": 1}], choose=choose),
                "maps": maps,
            }
        )
        self.assertEqual(compiled.events, ["thing.arrived", "thing.happened"])
        for status, wanted in (
            ("A", "thing.arrived"),
            ("B", "thing.happened"),
            ("C", "thing.happened"),
            (None, "thing.happened"),
        ):
            (outcome,) = compiled.apply({"s": status})
            self.assertEqual(outcome.event, wanted)
            self.assertEqual(
                outcome.unmapped, [("statuses", "C", "/type")] if status == "C" else []
            )

    def test_defaults(self):
        rows = [
            {"field": "facility", "from": "f", "required": True},
            {"field": "p.currency", "from": "c", "required": True},
        ]
        defaults = {"facility": "NORTH", "p.currency": "USD", "other": "no"}
        (outcome,) = apply(rows, {"f": "SOUTH"}, defaults=defaults)
        self.assertEqual(outcome.data, {"facility": "SOUTH", "p": {"currency": "USD"}})
        self.assertEqual(outcome.errors, [])

    def test_failures_are_told_by_place(self):
        rows = [
            {"field": "a", "from": "join('', @)"},
            {"field": "b", "from": "b", "transforms": ["decimal"], "required": True},
            {"field": "c", "from": "b", "transforms": ["hl7_date"]},
        ]
        (outcome,) = apply(rows, {"b": "Quillfeather"})
        self.assertEqual(
            [(e["pointer"], e["code"]) for e in outcome.errors],
            [("/data/b", "invalid_value")],
        )
        self.assertEqual(
            [(e["pointer"], e["code"]) for e in outcome.notes],
            [("/data/a", "expression_failed"), ("/data/c", "invalid_value")],
        )
        self.assertNotIn("Quillfeather", str(outcome.errors + outcome.notes))

    def test_condition_that_fails(self):
        (outcome,) = apply([{"field": "a", "value": 1}], {}, when="join('', @)")
        self.assertEqual(outcome.errors[0]["code"], "expression_failed")

    @settings(max_examples=200, deadline=None)
    @given(
        JSON,
        st.sampled_from(mapping_transforms.NAMES),
        st.sampled_from(("@", "a", "a.b", "*", "[]", "[0]", "keys(@)", "lower(a)")),
    )
    def test_any_document(self, document, name, expression):
        argument = {
            "truncate": ":3",
            "prefix": ":p",
            "suffix": ":s",
            "replace": ":a=>b",
            "none_if": ":a,b",
            "split": ":-",
            "uri": ":urn:x:",
            "plus_minutes": ":a",
            "map": ":m",
            "item": ":2",
            "limit": ":2",
        }.get(name, "")
        rows = [
            {"field": "a", "from": expression, "transforms": [name + argument]},
            {
                "field": "b",
                "each": expression,
                "rows": [
                    {"field": "c", "from": "item", "transforms": [name + argument]}
                ],
            },
        ]
        root = document if isinstance(document, dict) else {"a": document}
        apply(rows, root, {"m": {"x": "y"}})


class TestValueMaps(BaseCase):
    def setUp(self):
        super().setUp()
        self.rows = [
            {"field": "s", "from": "s", "transforms": ["map:services"]},
            {"field": "t", "from": "s", "transforms": ["map:absent"]},
        ]

    def test_pass_through_and_reported(self):
        maps = {"services": {"1": "ECHO"}}
        (outcome,) = apply(self.rows, {"s": "1"}, maps)
        self.assertEqual(outcome.data, {"s": "ECHO", "t": "1"})
        self.assertEqual(outcome.unmapped, [])
        (outcome,) = apply(self.rows, {"s": "2"}, maps)
        self.assertEqual(outcome.data, {"s": "2", "t": "2"})
        self.assertEqual(outcome.unmapped, [("services", "2", "/data/s")])
        self.assertEqual(outcome.errors, [])

    def test_canonical_already(self):
        (outcome,) = apply(self.rows, {"s": "ECHO"}, {"services": {"1": "ECHO"}})
        self.assertEqual((outcome.data["s"], outcome.unmapped), ("ECHO", []))

    def test_strict(self):
        maps = {"services": {"values": {"1": "ECHO"}, "strict": True}}
        (outcome,) = apply(self.rows, {"s": "2"}, maps)
        self.assertNotIn("s", outcome.data)
        self.assertEqual(outcome.errors[0]["code"], "unmapped_code")
        self.assertEqual(outcome.unmapped, [("services", "2", "/data/s")])

    def test_lists(self):
        (outcome,) = apply(
            self.rows[:1], {"s": ["1", "2"]}, {"services": {"1": "ECHO"}}
        )
        self.assertEqual(outcome.data["s"], ["ECHO", "2"])
        self.assertEqual(len(outcome.unmapped), 1)

    def test_own_maps(self):
        """The source's map replaces that of the mapping."""
        own = {"services": {"values": {"1": "OWN"}}}
        self.assertEqual(data(self.rows[:1], {"s": "1"}, maps=own), {"s": "OWN"})
        (outcome,) = apply(
            self.rows[:1], {"s": "1"}, {"services": {"1": "HIS"}}, maps=own
        )
        self.assertEqual(outcome.data, {"s": "HIS"})
        compiled = mapping.compile(build(self.rows, maps=own))
        self.assertEqual(compiled.map_names, ["absent", "services"])

    def test_read_once(self):
        maps = mapping_rows.value_maps({"services": {"1": "ECHO"}})
        self.assertIs(mapping_rows.value_maps(maps), maps)
        self.assertEqual(data(self.rows[:1], {"s": "1"}, value_maps=maps)["s"], "ECHO")
        with self.assertRaises(InputError) as caught:
            apply(self.rows, {}, {"services": []})
        self.assertEqual(caught.exception.pointer, "/value_maps")


class TestBench(BaseCase):
    def _run(self, rows, document):
        compiled = mapping.compile(build(rows))
        return mapping_bench.run(compiled, document, {"m": {"x": "y"}})

    def test_run(self):
        (result,) = self._run(
            [{"field": "a", "from": "a", "transforms": ["map:m"]}], {"a": "z"}
        )
        self.assertEqual(result["data"], {"a": "z"})
        self.assertEqual(result["errors"][0]["code"], "unknown_type")
        self.assertEqual(
            result["unmapped"], [{"map": "m", "code": "z", "pointer": "/data/a"}]
        )

    def test_difference(self):
        document = {"a": "1", "b": ["1", "2"]}
        before = self._run(
            [{"field": "a", "from": "a"}, {"field": "b", "from": "b"}], document
        )
        after = self._run(
            [{"field": "b", "from": "b[::-1]"}, {"field": "c", "value": 1}], document
        )
        self.assertEqual(mapping_bench.difference(before, before), [])
        self.assertEqual(
            [
                (c["pointer"], c["change"])
                for c in mapping_bench.difference(before, after)
            ],
            [
                ("/data/a", "removed"),
                ("/data/b/0", "changed"),
                ("/data/b/1", "changed"),
                ("/data/c", "added"),
            ],
        )
        (change,) = mapping_bench.difference(before, [])
        self.assertEqual((change["pointer"], change["change"]), ("", "removed"))

    def test_envelope(self):
        (outcome,) = apply([{"field": "a", "value": 1}], {})
        made = mapping.envelope(outcome, "k", "urn:x", "2026-03-02T09:30:00Z")
        self.assertEqual(made["type"], "healthcare.thing.happened.v1")
        self.assertEqual(made["time"], "2026-03-02T09:30:00Z")
        again = mapping.envelope(outcome, "k", "urn:x", "2026-03-03T09:30:00Z")
        self.assertEqual(made["id"], again["id"])


class TestRefusals(BaseCase):
    def _refused(self, document, code, pointer):
        with self.assertRaises(InputError) as caught:
            mapping.compile(document)
        error = caught.exception
        self.assertEqual(
            (error.code, error.pointer, error.status), (code, pointer, 422)
        )

    def test_expressions(self):
        for text, code in (
            ("a[", "invalid_expression"),
            ("", "invalid_expression"),
            (5, "invalid_expression"),
            ("a" * 2049, "too_long"),
            ("é" * 1025, "too_long"),
            ("(" * 1000, "too_complex"),
            ("||".join("a" * 600), "too_complex"),
            ("[@,@][]|" * 200 + "@", "too_complex"),
            ("system('x')", "unknown_function"),
        ):
            rows = [{"field": "ok", "from": "a"}, {"field": "a", "from": text}]
            self._refused(build(rows), code, "/events/0/rows/1/from")

    def test_rows(self):
        where = "/events/0/rows/0"
        good = {"field": "a", "from": "a"}
        for row, code, pointer in (
            ("x", "invalid_mapping", where),
            ({"field": "a"}, "invalid_mapping", where),
            ({**good, "value": 1}, "invalid_mapping", where),
            ({**good, "rows": [good]}, "invalid_mapping", where),
            ({**good, "code": "import os"}, "invalid_mapping", where),
            ({**good, "field": "a b"}, "invalid_mapping", f"{where}/field"),
            ({**good, "field": "__class__"}, "invalid_mapping", f"{where}/field"),
            ({**good, "required": "yes"}, "invalid_mapping", f"{where}/required"),
            (
                {**good, "transforms": ["eval"]},
                "invalid_transform",
                f"{where}/transforms/0",
            ),
            (
                {**good, "transforms": ["hl7_datetime:Mars/Base"]},
                "invalid_transform",
                f"{where}/transforms/0",
            ),
            ({**good, "transforms": "upper"}, "invalid_mapping", f"{where}/transforms"),
            (
                {**good, "transforms": ["upper"] * 11},
                "invalid_mapping",
                f"{where}/transforms",
            ),
            (
                {"field": "a", "each": "@", "rows": []},
                "invalid_mapping",
                f"{where}/rows",
            ),
        ):
            self._refused(build([row]), code, pointer)
        nested = {"field": "a", "each": "@", "rows": [good]}
        for _level in range(4):
            nested = {"field": "a", "each": "@", "rows": [nested]}
        self._refused(build([nested]), "too_deep", where + "/rows/0" * 3)

    def test_whole(self):
        row = {"field": "a", "from": "a"}
        self._refused([], "invalid_mapping", "")
        self._refused(build([row] * 401), "too_large", "")
        self._refused(build([row], extra=1), "invalid_mapping", "")
        self._refused(build([row], timezone="Mars"), "invalid_mapping", "/timezone")
        self._refused(build([row], kinds="T"), "invalid_mapping", "/kinds")
        self._refused(build([row], events=[]), "invalid_mapping", "/events")
        self._refused(build([row], maps={"m": {"a": []}}), "invalid_mapping", "/maps/m")
        self._refused(build([{**row, "comment": "x" * 300_000}]), "too_large", "")
        both = [row, {"field": "a.b", "from": "a"}]
        self._refused(build(both), "invalid_mapping", "/events/0/rows/1/field")

    def test_unhandled(self):
        row = {"field": "a", "from": "a"}
        told = {"when": "b", "pointer": "/b", "detail": "Nothing is made of b."}
        compiled = mapping.compile(build([row], unhandled=[told]))
        self.assertEqual(compiled.unhandled({"a": 1}), [])
        self.assertEqual(compiled.unhandled({"b": 1})[0]["code"], "not_taken")
        for wrong in ({}, {**told, "when": 5}, {**told, "more": 1}, "x"):
            self._refused(
                build([row], unhandled=[wrong]), "invalid_mapping", "/unhandled/0"
            )

    def test_costly_expressions(self):
        """What passes the checks is stopped when it runs."""
        for text in (
            "[@,@]|" * 24 + "@",
            "[@,@][]|" * 30 + "@",
            "to_string(" + "[@,@]|" * 40 + "@)",
            "[@,@]|" * 40 + "@ == [@]",
            "contains([a], " + "[@,@]|" * 40 + "@)",
            "join(" + "a,[a,a,a,a,a,a])" * 1,
        ):
            expression = mapping_expressions.compile(text)
            start = time.process_time()
            try:
                expression.evaluate({"a": "x" * 100_000})
            except mapping_expressions.EvaluationError as error:
                self.assertIn(error.code, ("too_large", "expression_failed"))
            self.assertLess(time.process_time() - start, 1, text[:30])

    def test_many_items(self):
        rows = [{"field": "a", "each": "xs", "rows": [{"field": "b", "from": "item"}]}]
        (outcome,) = apply(rows, {"xs": ["x"] * (mapping.MAX_ITEMS + 500)})
        self.assertEqual(len(outcome.data["a"]), mapping.MAX_ITEMS)
        self.assertEqual(outcome.errors[0]["code"], "too_large")
        found = apply(
            [{"field": "a", "from": "group"}], {"xs": ["x"] * 1500}, each="xs"
        )
        self.assertEqual(len(found), mapping.MAX_OUTCOMES)
        self.assertEqual(found[-1].errors[-1]["code"], "too_many_events")

    @settings(max_examples=200, deadline=None)
    @given(JSON)
    def test_any_mapping(self, value):
        for document in (
            value,
            build(value),
            build([{"field": "a", "from": value, "transforms": value}]),
            build([{"field": value, "each": "@", "rows": value}]),
            build([{"field": "a", "from": "a"}], maps=value, time=value, key=value),
            build([{"field": "a", "from": "a"}], unhandled=value),
        ):
            try:
                mapping.compile(document)
            except InputError as error:
                self.assertEqual(error.status, 422)
