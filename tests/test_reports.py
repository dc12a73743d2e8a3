"""Reports and the dashboard: what they say of a small story, and to whom."""

from odoo.exceptions import AccessError
from odoo.tests import freeze_time, new_test_user, tagged

from .story_common import StoryCase

GROUP = "healthcare_connector.group_"


@tagged("post_install", "-at_install")
class TestReports(StoryCase):
    def totals(self, model, *names, domain=()):
        report = self.env[model]
        aggregates = [f"{name}:{report._fields[name].aggregator}" for name in names]
        self.env.flush_all()
        (row,) = report._read_group([*self.here, *domain], [], aggregates)
        return [round(value or 0, 2) for value in row]

    def test_reimbursement(self):
        self.assertEqual(
            self.totals(
                "healthcare.reimbursement",
                "charged",
                "allowed",
                "adjusted",
                "paid",
                "patient_responsibility",
                "denied",
            ),
            [1600, 650, 150, 600, 50, 800],
        )
        rate, days = self.totals(
            "healthcare.reimbursement", "denial_rate", "days_to_payment"
        )
        self.assertEqual(rate, 50)
        self.assertAlmostEqual(days, (90 + 6 * 60 - 80) / 1440, places=2)
        # The denied bill, and what is left to the patient of the other.
        self.assertEqual(
            self.totals("healthcare.reimbursement", "open_amount"), [800 + 50]
        )
        by_payer = self.env["healthcare.reimbursement"]._read_group(
            [*self.here, ("kind", "=", "claim")], ["payer_id"], ["paid:sum"]
        )
        self.assertEqual(by_payer, [(self.payer, 600)])

    def test_margin_of_a_service_line(self):
        rows = self.env["healthcare.margin"]._read_group(
            self.here,
            ["service_line_id"],
            ["services:sum", "revenue:sum", "adjustments:sum", "supplies:sum"],
        )
        self.assertEqual(
            [(line.code, *values) for line, *values in rows],
            # Two units were used in each of two services, and cost 5 apiece.
            [("T-IMG", 2, 1600, -150, -20)],
        )
        self.assertEqual(self.totals("healthcare.margin", "margin"), [1430])

    def test_utilization(self):
        self.assertEqual(
            self.totals(
                "healthcare.utilization", "booked", "completed", "no_show", "cancelled"
            ),
            [4, 2, 1, 1],
        )
        rates = self.totals("healthcare.utilization", "no_show_rate", "cancelled_rate")
        self.assertEqual(rates, [33.33, 25])
        provided = self.env["healthcare.utilization"].search(
            [*self.here, ("provider", "=", "Dr. Test")]
        )
        self.assertEqual(provided.action_open_document()["res_id"], self.visit("V1").id)

    def test_throughput(self):
        found = dict(
            self.env["healthcare.throughput"]._read_group(
                self.here, ["measure"], ["count:sum"]
            )
        )
        self.assertEqual(found["received"], 14)
        self.assertEqual(found["done"], 14)
        documents = {
            name: found[name]
            for name in ("registration", "appointment", "service", "claim")
        }
        self.assertEqual(
            documents, {"registration": 2, "appointment": 4, "service": 2, "claim": 2}
        )
        ids = self.env["healthcare.throughput"].search(self.here).ids
        self.assertEqual(len(ids), len(set(ids)))

    def test_the_dashboard_compares_with_the_period_before(self):
        def figures(moment):
            with freeze_time(moment):
                answer = self.env["healthcare.figures"].dashboard(
                    "week", self.facility.id
                )
            return {
                figure["key"]: (figure["value"], figure["before"])
                for section in answer["sections"]
                for figure in section["figures"]
            }

        now = figures("2026-03-07 12:00:00")
        self.assertEqual(now["registration"], (2, 0))
        self.assertEqual(now["no_show"], (1, 0))
        self.assertEqual(now["charged"], (1600, 0))
        self.assertEqual(now["margin"], (1430, 0))
        self.assertEqual(now["open_amount"], (850, None))
        later = figures("2026-03-14 12:00:00")
        self.assertEqual(later["registration"], (0, 2))
        self.assertEqual(later["no_show"], (0, 1))
        self.assertEqual(later["charged"], (0, 1600))
        self.assertEqual(later["open_amount"], (850, None))

    def test_charts_have_a_value_for_every_day(self):
        answer = self.env["healthcare.figures"].dashboard("week", self.facility.id)
        charts = {
            chart["key"]: chart
            for section in answer["sections"]
            for chart in section["charts"]
        }
        visits = charts["visits"]
        self.assertEqual(visits["labels"][0], "2026-03-01")
        self.assertEqual(len(visits["labels"]), 7)
        kept = {one["key"]: one["data"] for one in visits["sets"]}
        self.assertEqual(kept["completed"], [0, 0, 0, 0, 2, 0, 0])
        self.assertEqual(kept["no_show"], [0, 0, 0, 0, 1, 0, 0])
        self.assertEqual(charts["lines"]["labels"], ["Imaging"])
        for period in ("month", "quarter", "year"):
            answer = self.env["healthcare.figures"].dashboard(period, self.facility.id)
            claims = answer["sections"][2]["charts"][0]
            self.assertEqual(sum(claims["sets"][0]["data"]), 1600, period)

    def test_what_a_figure_opens_has_the_same_sum(self):
        answer = self.env["healthcare.figures"].dashboard("week", self.facility.id)
        checked = 0
        for section in answer["sections"]:
            for figure in section["figures"]:
                report = self.env[figure["model"]]
                measure = figure["context"]["pivot_measures"]
                name = figure["key"] if figure["key"] in measure else measure[-1]
                ((value,),) = report._read_group(
                    figure["domain"],
                    [],
                    [f"{name}:{report._fields[name].aggregator}"],
                )
                self.assertAlmostEqual(value or 0, figure["value"], msg=figure["key"])
                checked += bool(figure["value"])
        self.assertGreater(checked, 12)

    def test_who_sees_what(self):
        sections = {
            "operator": ["throughput", "utilization"],
            "finance": ["throughput", "utilization", "reimbursement", "margin"],
            "auditor": ["throughput", "utilization", "reimbursement", "margin"],
            "administrator": ["throughput", "utilization", "reimbursement", "margin"],
        }
        for role, expected in sections.items():
            user = new_test_user(
                self.env, f"report-{role}", groups=f"base.group_user,{GROUP}{role}"
            )
            answer = self.env["healthcare.figures"].with_user(user).dashboard()
            self.assertEqual([one["key"] for one in answer["sections"]], expected)
            menu = self.env.ref("healthcare_connector.menu_margin").with_user(user)
            visible = (
                menu.id in self.env["ir.ui.menu"].with_user(user)._visible_menu_ids()
            )
            self.assertEqual(visible, "margin" in expected, role)
        stranger = new_test_user(self.env, "report-stranger", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.env["healthcare.figures"].with_user(stranger).dashboard()

    def test_another_company_sees_nothing_of_it(self):
        company = self.env["res.company"].create({"name": "Another hospital"})
        user = new_test_user(
            self.env,
            "report-elsewhere",
            groups=f"base.group_user,{GROUP}finance,{GROUP}auditor",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        for report in ("throughput", "utilization", "reimbursement", "margin"):
            reader = self.env[f"healthcare.{report}"].with_user(user)
            self.assertFalse(reader.search(self.here), report)
