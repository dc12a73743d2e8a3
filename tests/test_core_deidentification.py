from datetime import date, datetime

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.analytics import deidentification as rules

ON = date(2026, 3, 2)
COLUMNS = {
    "facility": "none",
    "patient_key": "surrogate",
    "service_date": "date",
    "birth_date": "birth_date",
    "zip": "postal_code",
    "mrn": "identifier",
    "name": "name",
    "phone": "contact",
    "note": "free_text",
    "amount": "none",
}
VALUES = {
    "facility": "NORTH",
    "patient_key": "c0ffee",
    "service_date": datetime(2026, 3, 1, 9, 30),
    "birth_date": date(1980, 5, 17),
    "zip": "02138-1234",
    "mrn": "MRN-1",
    "name": "Alex Example",
    "phone": "+1 555 0100",
    "note": "Fell from a horse",
    "amount": 0,
}


class TestDeidentification(BaseCase):
    def test_safe_harbor(self):
        self.assertEqual(
            rules.apply("safe_harbor", COLUMNS, VALUES, on=ON),
            {
                "facility": "NORTH",
                "patient_key": "c0ffee",
                "service_date": "2026",
                "birth_date": "1980",
                "zip": "021",
                "mrn": None,
                "name": None,
                "phone": None,
                "note": None,
                "amount": 0,
            },
        )

    def test_limited(self):
        result = rules.apply("limited", COLUMNS, VALUES, on=ON)
        self.assertEqual(result["service_date"], "2026-03-01T09:30:00Z")
        self.assertEqual(result["birth_date"], "1980-05-17")
        self.assertEqual(result["zip"], "02138-1234")
        self.assertEqual(result["patient_key"], "c0ffee")
        for name in ("mrn", "name", "phone", "note"):
            self.assertIsNone(result[name])

    def test_identified(self):
        result = rules.apply("identified", COLUMNS, VALUES)
        self.assertEqual(result["name"], "Alex Example")
        self.assertEqual(list(result), list(VALUES))

    def test_over_89_no_year_tells_it(self):
        def birth_year(value):
            columns = {"birth": "birth_date"}
            return rules.apply("safe_harbor", columns, {"birth": value}, on=ON)["birth"]

        self.assertEqual(birth_year("1937-01-01"), "1937")
        self.assertIsNone(birth_year("1936-03-02"))  # 90 today
        self.assertIsNone(birth_year("1936-12-31"))  # 90 later this year
        self.assertIsNone(birth_year("1900-01-01"))
        self.assertIsNone(birth_year("2026-03-03"))  # not born yet
        self.assertIsNone(birth_year("unknown"))

    def test_age_band(self):
        for birth, band in (
            (date(2026, 3, 2), "0"),
            ("1980-03-02", "46"),
            ("1980-03-03", "45"),
            ("1936-03-03", "89"),
            ("1936-03-02", "90+"),
            ("1900-01-01", "90+"),
            ("2026-03-03", None),
            (None, None),
        ):
            self.assertEqual(rules.age_band(birth, ON), band)

    def test_zip3(self):
        for code, expected in (
            ("02138", "021"),
            ("02138-1234", "021"),
            (" 021381234 ", "021"),
            ("03601", "000"),
            ("20210", "000"),
            ("89301", "000"),
            ("2138", None),
            ("ABCDE", None),
            ("٠٢١٣٨", None),
            ("", None),
            (None, None),
        ):
            self.assertEqual(rules.zip3(code), expected)
        self.assertEqual(rules.zip3("02138", "usa"), "021")
        self.assertIsNone(rules.zip3("10115", "DE"))

    def test_restricted_prefixes(self):
        prefixes = rules.restricted_zip3()
        self.assertEqual(len(prefixes), 23)
        for prefix in prefixes:
            self.assertEqual(rules.zip3(prefix + "01"), "000")

    def test_fails_closed(self):
        for policy, columns, values in (
            ("none", COLUMNS, VALUES),
            ("identified", {}, {"new": 1}),
            ("safe_harbor", {"new": "harmless"}, {"new": 1}),
            ("safe_harbor", COLUMNS, {"other": "x"}),
        ):
            with self.assertRaises(ValueError):
                rules.apply(policy, columns, values)

    def test_nothing_stays_nothing(self):
        values = dict.fromkeys(COLUMNS, False)
        for policy in rules.POLICIES:
            result = rules.apply(policy, COLUMNS, values)
            self.assertIs(result.pop("facility"), False)
            self.assertIs(result.pop("amount"), False)
            self.assertEqual(set(result.values()), {None})


class TestTreatments(BaseCase):
    """What a policy may be made to do with a class, from weak to strict."""

    def treat(self, phi_class, treatment, value, **more):
        found = rules.apply(
            "identified",
            {"it": phi_class},
            {"it": value},
            on=ON,
            rules={phi_class: treatment},
            **more,
        )
        return found["it"]

    def test_each(self):
        for phi_class, treatment, value, expected in (
            ("date", "keep", "2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z"),
            ("date", "shift", "2026-03-01T09:30:00Z", "2026-02-27T09:30:00Z"),
            ("date", "shift", date(2026, 3, 1), "2026-02-27"),
            ("date", "shift", "unknown", None),
            ("date", "month", "2026-03-01", "2026-03"),
            ("date", "year", "2026-03-01", "2026"),
            ("date", "drop", "2026-03-01", None),
            ("birth_date", "year", "1980-05-17", "1980"),
            ("birth_date", "year", "1930-05-17", None),
            ("birth_date", "decade", "1980-05-17", "40-49"),
            ("birth_date", "decade", "1930-05-17", "90+"),
            ("postal_code", "zip3", "03601", "000"),
            ("name", "drop", "Alex", None),
        ):
            with self.subTest(treatment=treatment, value=value):
                self.assertEqual(
                    self.treat(phi_class, treatment, value, shift=-2), expected
                )

    def test_a_policy_is_only_made_stricter(self):
        for policy, base in rules.BASES.items():
            self.assertEqual(set(base), set(rules.CLASSES))
            self.assertEqual(rules.weaker(policy, base), [])
            for phi_class, treatment in base.items():
                order = rules.TREATMENTS[phi_class]
                for other in order:
                    weak = rules.weaker(policy, {phi_class: other})
                    self.assertEqual(
                        bool(weak), order.index(other) < order.index(treatment)
                    )
        self.assertEqual(rules.weaker("limited", {"date": "zip3"}), ["date"])
        self.assertEqual(rules.weaker("limited", {"other": "drop"}), ["other"])
        with self.assertRaises(ValueError):
            rules.apply("safe_harbor", COLUMNS, VALUES, on=ON, rules={"date": "month"})

    def test_a_plan_serves_many_records(self):
        for policy in rules.POLICIES:
            plan = rules.Plan(policy, COLUMNS)
            for _record in range(2):
                self.assertEqual(
                    plan.apply(VALUES, on=ON),
                    rules.apply(policy, COLUMNS, VALUES, on=ON),
                )
            with self.assertRaises(ValueError):
                plan.apply({"other": 1})
