"""The deployment recipe: what of it can be checked without a container engine."""

import ast
import configparser
import pathlib
import re

import yaml

from odoo.tests import BaseCase, tagged
from odoo.tools import config

from odoo.addons.healthcare_connector.core.outbound import networks
from odoo.addons.healthcare_connector.models.exchange import keyring, outbound

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "deploy"


@tagged("post_install", "-at_install")
class TestDeploy(BaseCase):
    def setUp(self):
        super().setUp()
        if not FOLDER.exists():
            self.skipTest("Only a checkout has the recipe")

    def test_compose(self):
        compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
        services = compose["services"]
        self.assertEqual(set(services), {"database", "odoo", "jobs", "proxy"})
        for name, service in services.items():
            for secret in service.get("secrets", ()):
                self.assertIn(secret, compose["secrets"], name)
            for volume in service.get("volumes", ()):
                source = volume.split(":")[0]
                if source.startswith("./"):
                    if not source.endswith("certificates"):
                        self.assertTrue((FOLDER / source).exists(), source)
                else:
                    self.assertIn(source, compose["volumes"])
        self.assertEqual(services["proxy"]["ports"], ["443:443"])
        for name in ("database", "odoo", "jobs"):
            self.assertNotIn("ports", services[name])

    def test_configuration(self):
        parser = configparser.ConfigParser()
        parser.read(FOLDER / "odoo.conf")
        options = dict(parser["options"])
        ours = {keyring.CONFIG_OPTION, outbound.CONFIG_OPTION}
        known = set(config.options) | ours
        self.assertLessEqual(set(options), known)
        self.assertEqual(options["proxy_mode"], "True")
        self.assertEqual(options["list_db"], "False")
        self.assertIn(keyring.CONFIG_OPTION, options)
        example = re.search(
            rf"; {outbound.CONFIG_OPTION} = (.*)", (FOLDER / "odoo.conf").read_text()
        )
        self.assertTrue(networks(example[1]))

    def test_the_image_has_what_the_addon_needs(self):
        recipe = (FOLDER / "Containerfile").read_text()
        manifest = ast.literal_eval((FOLDER.parent / "__manifest__.py").read_text())
        for name in manifest["external_dependencies"]["python"]:
            self.assertIn(name, recipe)
        for source in re.findall(r"^COPY (\S+) ", recipe, re.M):
            if not source.startswith("dist/"):
                self.assertTrue((FOLDER / source).exists(), source)

    def test_the_proxy_gives_true_addresses(self):
        text = (FOLDER / "nginx.conf").read_text()
        self.assertEqual(text.count("{"), text.count("}"))
        for line in (
            "proxy_set_header X-Forwarded-For $remote_addr;",
            "proxy_request_buffering on;",
            "proxy_next_upstream off;",
            "client_body_timeout",
        ):
            self.assertIn(line, text)
