"""The template of translations and the files made from it."""

import json
import re

from .common import NAME, REPO, DevError, locked, say
from .instance import Dev

FOLDER = REPO / "i18n"
TEMPLATE = FOLDER / f"{NAME}.pot"
# The exporter and the library of PO files are Odoo's.
CODE = """
import json
from odoo.addons.healthcare_connector.dev import po_files
found = po_files.files(env, {languages!r})
print(json.dumps(found))
"""


def main(arguments):
    """The command ``dev/i18n``: exit code 0 if all files are in order."""
    languages = [word for word in arguments if not word.startswith("-")]
    check = "--check" in arguments
    if set(arguments) - set(languages) - {"--check"}:
        raise DevError("only --check and languages are understood")
    for language in languages:
        if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2}|_419)?(@[a-z]+)?", language):
            raise DevError(f"not a language: {language}")
    dev = Dev()
    template = dev.template()
    with locked(f"db-{template}"):
        found = json.loads(dev.script(template, CODE.format(languages=languages)))
    wrong = 0
    for name, file in found.items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != file["text"]:
            wrong += check
            say(f"i18n/{name}", "is not that of the code" if check else "written")
            if not check:
                FOLDER.mkdir(exist_ok=True)
                path.write_text(file["text"])
        share = f"{file['translated']} of {file['terms']} terms"
        if path != TEMPLATE:
            # rounded down: all is said only of all
            part = file["translated"] * 1000 // max(file["terms"], 1) / 10
            share += f" translated ({part} %)"
        else:
            share = f"{file['terms']} terms"
        say(f"i18n/{name}:", share)
        for problem in file["problems"]:
            say(f"i18n/{name}:", problem)
        wrong += len(file["problems"])
    return int(bool(wrong))
