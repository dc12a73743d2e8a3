"""Translations: sound files, and people reading the addon in their language."""

import polib

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from odoo.addons.healthcare_connector.dev import po_files
from odoo.addons.healthcare_connector.dev.common import NAME

from .workflow_common import WorkflowCase

MOST = 0.97  # of the terms: what is new may wait for its translator


@tagged("post_install", "-at_install")
class TestTranslations(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.files = {
            path.stem: polib.pofile(str(path)) for path in po_files.FOLDER.glob("*.po")
        }
        cls.spanish = {entry.msgid: entry.msgstr for entry in cls.files["es"]}
        cls.env["res.lang"]._activate_lang("es_ES")
        addon = cls.env["ir.module.module"].search([("name", "=", NAME)])
        addon._update_translations(["es_ES"])
        cls.person = new_test_user(
            cls.env,
            "ana",
            "healthcare_connector.group_auditor",
            lang="es_ES",
            email="ana@example.com",
        )
        cls.there = cls.env(user=cls.person, context={"lang": "es_ES"})

    def told(self, source):
        """The Spanish of a term, which is another text."""
        translated = self.spanish[source]
        self.assertTrue(translated)
        self.assertNotEqual(translated, source)
        return translated

    def test_files(self):
        template = polib.pofile(str(po_files.FOLDER / f"{NAME}.pot"))
        terms = {entry.msgid for entry in template}
        self.assertIn("es", self.files)
        self.assertIn("fr", self.files)
        for language, file in self.files.items():
            with self.subTest(language):
                self.assertEqual(po_files.problems(file), [])
                self.assertEqual({entry.msgid for entry in file}, terms)
                self.assertGreater(len(file.translated_entries()), MOST * len(terms))

    def test_template(self):
        # the rest is Odoo's exporter's and would take seconds: dev/i18n --check
        folders = ("models", "wizards", "controllers", "reports")
        shipped = [
            path
            for folder in folders
            for path in po_files.REPO.joinpath(folder).rglob("*.py")
        ]
        code = set().union(*map(po_files.translated, shipped))
        known = set(self.spanish)
        self.assertGreater(len(code), 500)
        self.assertGreater(len(code & known), MOST * len(code), code - known)

    def test_placeholders_compared(self):
        for source, translated, wrong in (
            ("%(a)s of %(b)s", "%(b)s: %(a)s", None),
            ("%(a)s of %(b)s", "%(b)s: %(c)s", "named values"),
            ("%s has %d", "%d: %s", "values"),
            ("5 % of it", "un 5 % de eso", None),
            ("<b>Now</b>", "<b>Ahora", "tags"),
            ('<i title="Now"/>', '<i title="Ahora"/>', None),
            ("{{ x }} is", "{{ y }} es", "braces"),
            ("of ", "de", "space at the end"),
        ):
            entry = polib.POEntry(msgid=source, msgstr=translated)
            with self.subTest(translated):
                found = po_files.broken(entry)
                self.assertEqual(found and found.partition(": other ")[2], wrong)

    def test_views_and_selections(self):
        cases = self.there["healthcare.exception"]
        arch = cases.get_view(view_type="form")["arch"]
        self.assertIn(self.told("What it is about"), arch)
        self.assertNotIn('string="What it is about"', arch)
        described = cases.fields_get(["category", "amount_at_risk"])
        self.assertIn(
            ("missing_payer", self.told("Missing Payer")),
            [tuple(one) for one in described["category"]["selection"]],
        )
        self.assertEqual(
            described["amount_at_risk"]["string"], self.told("Amount At Risk")
        )
        menu = self.env.ref("healthcare_connector.menu_control_room")
        self.assertEqual(
            menu.with_env(self.there).sudo().name, self.told("Control Room")
        )

    def test_javascript(self):
        found, _parameters = self.env["ir.http"]._get_translations_for_webclient(
            [NAME], "es_ES"
        )
        messages = {
            one["id"]: one["string"] for one in found[NAME]["messages"] if one["string"]
        }
        for source in ("Nobody took note", "Waiting for the first call…", "%s days"):
            self.assertEqual(messages[source], self.told(source))

    def test_errors(self):
        with self.assertRaises(AccessError) as caught:
            self.there["healthcare.key.job"]._check_administrator()
        self.assertEqual(
            str(caught.exception), self.told("Only administrators look after keys.")
        )

    def test_words_of_core(self):
        reader = self.there["healthcare.downtime.reader"].sudo()
        text = "Facility,Receipt number,Paid on,Paid by,Amount\nNORTH,1,soon,Payer,9"
        (line,) = reader._read_file(text.encode())
        self.assertIn(
            ("Paid on", self.told("Must be a date such as 2026-03-02.")), line.problems
        )

    def test_company_language(self):
        # what the engine writes down for people, and what it tells analytics
        self.company.partner_id.lang = "es_ES"
        unit = self.contrast.uom_id
        unit.with_context(lang="es_ES").name = "Unidades"
        (refused,) = self.play(self.register("L1", payer="T-NEW"))
        self.assertEqual(
            refused.open_exception_id.reason,
            self.told("No payer has the code %s.") % "T-NEW",
        )
        self.play(
            self.register("L3", payer=None), self.appointment("booked", "L3", "V3", 1)
        )
        visit = self.env["healthcare.appointment"].search([], order="id desc", limit=1)
        self.assertIn(
            self.told("No coverage is known and self-payment is not agreed."),
            visit.clearance_reasons,
        )
        used = [{"code": "T-CONTRAST", "quantity": 1}]
        _registered, completed = self.play(
            self.register("L2", 1), self.completed("L2", "LS2", 2, consumables=used)
        )
        self.assertEqual(completed.state, "done")
        fact = self.env["healthcare.fact"].search(
            [("fact_type", "=", "consumable_usage")], limit=1
        )
        told = fact.columns
        self.assertEqual(told["product"], "T-CONTRAST")
        self.assertEqual(told["unit"], unit.with_context(lang=None).name)
