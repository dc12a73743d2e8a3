"""The guides are true: what they name exists, and what can be set is documented."""

import html
import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import docutils.core
import docutils.nodes
import yaml

from odoo.tests import TransactionCase, tagged

from ..benchmarks import _capacity

ROOT = Path(__file__).resolve().parent.parent
# facts.rst is made from the catalogue and compared with it elsewhere
GUIDES = [
    *(ROOT / name for name in ("README.rst", "CHANGELOG.rst")),
    *(one for one in sorted((ROOT / "docs").glob("*.rst")) if one.stem != "facts"),
]
#: Folders whose files a guide may name by a part of their path.
HOMES = ("", "docs", "deploy", "models/exchange", "models/workflow", "models/analytics")
HOMES += ("core", "tests", "models/insight", "models/monitoring", "controllers")
HOMES += ("models/erp", "models/governance", "dev")
SUFFIXES = "cfg conf csv json md py rst sql toml txt xml yaml yml"
_FILE = re.compile(rf"[\w.-]+(/[\w.-]+)*\.({'|'.join(SUFFIXES.split())})\Z")
_FOLDER = re.compile(r"[a-z_]+(/[a-z_]+)*/?\Z")
_PARAMETER = re.compile(r"""["'](healthcare_connector\.[a-z_]+)["']""")
_VARIABLE = re.compile(r"\bHEALTHCARE_[A-Z]+(?:_[A-Z]+)*_?\b")
_CODE = ("core", "models", "controllers", "wizards", "cli", "formats")
_MENU_OF_ODOO = {"Settings > Users & Companies > Users"}
_MENU_OF_ODOO |= {"Settings > Technical > Parameters > System Parameters"}


def _doctree(path):
    return docutils.core.publish_doctree(
        path.read_text(encoding="utf-8"),
        source_path=str(path),
        settings_overrides={
            "report_level": 2,
            "halt_level": 2,
            "input_encoding": "utf-8",
        },
    )


def _words(node):
    return " ".join(node.astext().split())


def _sources(*folders, suffixes=(".py",)):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path


@tagged("post_install", "-at_install")
class TestGuides(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not (ROOT / "docs").exists():
            cls.skipTest(cls, "Only a checkout has the guides")
        cls.trees = {path: _doctree(path) for path in GUIDES}

    def each(self, kind):
        """Yield ``(path, node)`` of all nodes of a kind in all guides."""
        for path, tree in self.trees.items():
            for node in tree.findall(kind):
                yield path, node

    def test_links_and_images_lead_somewhere(self):
        for path, node in self.each(docutils.nodes.image):
            self.assertTrue((path.parent / node["uri"]).is_file(), node["uri"])
        for path, node in self.each(docutils.nodes.reference):
            address = node.get("refuri", "")
            if address and "://" not in address:
                target = (path.parent / address.partition("#")[0]).resolve()
                self.assertTrue(target.exists(), f"{path.name}: {address}")

    def test_every_guide_is_found_from_the_readme(self):
        text = (ROOT / "README.rst").read_text(encoding="utf-8")
        for path in sorted((ROOT / "docs").glob("*.rst")):
            self.assertIn(f"docs/{path.name}", text)

    def test_files_and_folders_exist(self):
        folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
        for path, node in self.each(docutils.nodes.literal):
            name = _words(node)
            # the example of the developers' guide, and files of the reader's own
            if name.startswith(("healthcare_transport/", "/", "examples/")):
                continue
            known = _FILE.match(name) and name not in _READERS
            known = known or (_FOLDER.match(name) and name.split("/")[0] in folders)
            if known and "/" in name or (known and _FILE.match(name)):
                self.assertTrue(
                    any((ROOT / home / name).exists() for home in HOMES),
                    f"{path.name}: {name}",
                )

    def test_tests_that_are_named_exist(self):
        for path, node in self.each(docutils.nodes.literal):
            name = _words(node)
            if re.fullmatch(r"test_[a-z0-9_]+", name):
                file = ROOT / "tests" / f"{name}.py"
                self.assertTrue(file.exists(), f"{path.name}: {name}")

    def test_menus_exist(self):
        """Paths in italics with ``>`` are menus, from the first one on."""
        # what there is, whoever may see it
        menus = self.env["ir.ui.menu"].with_context(active_test=False).sudo()
        known = {menu.complete_name.replace("/", " > ") for menu in menus.search([])}
        found = 0
        for path, node in self.each(docutils.nodes.emphasis):
            text = _words(node)
            if " > " in text and text not in _MENU_OF_ODOO:
                found += 1
                self.assertIn(text, known, path.name)
            self.assertNotRegex(text, r" [/›] ", f"{path.name}: write > for menus")
        self.assertGreater(found, 40)

    def test_buttons_exist(self):
        """Other words in italics that begin with a capital stand on a screen."""
        texts = [
            path.read_text(encoding="utf-8")
            for path in _sources(
                *("views", "models", "wizards", "reports", "static/src", "controllers"),
                suffixes=(".py", ".xml", ".js"),
            )
        ]
        menus = self.env["ir.ui.menu"].with_context(active_test=False).sudo()
        screens = html.unescape(" ".join(" ".join(texts).split()))
        screens += " ".join(menus.search([]).mapped("name"))
        labels = {
            field.string
            for model in self.env.values()
            for field in model._fields.values()
        }
        for path, node in self.each(docutils.nodes.emphasis):
            text = _words(node)
            if text[:1].isupper() and " > " not in text:
                self.assertTrue(
                    text in screens or text in labels, f"{path.name}: {text}"
                )

    def test_commands_exist(self):
        for path in self.trees:
            text = path.read_text(encoding="utf-8")
            for name in re.findall(r"(?<![\w/])dev/([a-z0-9]+)\b(?![/.])", text):
                self.assertTrue((ROOT / "dev" / name).is_file(), f"{path.name}: {name}")
            for command, action in re.findall(r"odoo (healthcare_\w+) (\w+)", text):
                self.assertTrue((ROOT / "cli" / f"{command}.py").is_file(), command)
                name = command.removeprefix("healthcare_")
                source = ROOT / "core" / "protection" / f"{name}_command.py"
                self.assertIn(f'    "{action}": ', source.read_text(encoding="utf-8"))
            for module in re.findall(r"python -m (core[.\w]*)", text):
                place = ROOT / module.replace(".", "/")
                self.assertTrue(
                    place.with_suffix(".py").is_file()
                    or (place / "__main__.py").is_file()
                )

    def test_capacity_is_computed_from_the_results(self):
        text = _capacity.GUIDE.read_text(encoding="utf-8")
        computed = _capacity.filled(text, _capacity.blocks(_capacity.rows()))
        self.assertEqual(text, computed, "run: python -m benchmarks._capacity")
        self.assertIn("1,000,000", computed)

    def test_commits_are_checked_as_everything_is(self):
        """By dev/lint alone, so that there is one list of tools and versions."""
        document = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
        [hook] = [hook for repo in document["repos"] for hook in repo["hooks"]]
        self.assertEqual((hook["entry"], hook["language"]), ("dev/lint", "system"))
        self.assertTrue(os.access(ROOT / hook["entry"], os.X_OK))
        self.assertTrue(hook.get("pass_filenames", True))

    def test_what_can_be_set_is_documented(self):
        guide = (ROOT / "docs" / "administrator_guide.rst").read_text(encoding="utf-8")
        records = self.env["ir.model.data"].search(
            [("module", "=", "healthcare_connector")]
        )
        names = set(records.mapped("complete_name"))
        code = " ".join(path.read_text(encoding="utf-8") for path in _sources(*_CODE))
        parameters = set(_PARAMETER.findall(code)) - names
        documented = set(re.findall(r"``(healthcare_connector\.[a-z_]+)``", guide))
        self.assertEqual(documented, parameters)
        options = set(_VARIABLE.findall(code)) - {"HEALTHCARE_SECRET_NAME"}
        documented = set(_VARIABLE.findall(guide))
        self.assertEqual(documented, options)
        options = set(re.findall(r'"(healthcare_(?:keyring_file|outbound_\w+))"', code))
        for name in options:
            self.assertIn(f"``{name}``", guide)

    def test_the_form_of_the_settings_is_of_these(self):
        """The screen names no setting that the guide does not."""
        guide = (ROOT / "docs" / "administrator_guide.rst").read_text(encoding="utf-8")
        settings = self.env["res.config.settings"]
        view = ROOT / "views" / "res_config_settings_views.xml"
        for node in ElementTree.parse(view).iter("field"):
            field = settings._fields.get(node.get("name"))
            parameter = getattr(field, "config_parameter", None)
            if parameter and parameter.startswith("healthcare_connector."):
                self.assertIn(f"``{parameter}``", guide)


#: Files that a guide names and the reader makes or has.
_READERS = {"odoo.conf", "openapi.json", "full.json", "1.1.json", "2.0.json"}
