"""What the files in ``i18n/`` should hold. Runs within Odoo, see :mod:`.i18n`."""

import ast
import io
import re
from collections import Counter
from functools import cache

import polib
from lxml import etree

from odoo.tools.misc import file_path
from odoo.tools.translate import trans_export

from .common import NAME, REPO

FOLDER = REPO / "i18n"
NOT_SHIPPED = ("tests", "dev", "benchmarks", "docs")
HEADER = {
    "Project-Id-Version": "Odoo Server 19.0",
    "Report-Msgid-Bugs-To": "",
    "Last-Translator": "",
    "Language-Team": "",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
}
PLURALS = {"fr": "nplurals=2; plural=(n > 1);"}
_MOST_PLURALS = "nplurals=2; plural=(n != 1);"

# "5 % of" is text: no space between the sign and the letter
_NAMED = re.compile(r"%\(\w+\)[-+#0]?\d*(?:\.\d+)?[a-zA-Z]")
_PLACED = re.compile(r"%(?!\()[-+#0]?\d*(?:\.\d+)?[sdifgrxeGEX]|%%")
_BRACES = re.compile(r"\$?\{[^{}]*\}")
# words for people in an expression, such as {{ 'Over' if … }}, and not 'closed'
_WORDS = re.compile(r"'[A-Z][^']*'")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
# what a translator may change within a tag
_SHOWN = re.compile(r"""\s(?:title|alt|placeholder|aria-label)=("[^"]*"|'[^']*')""")


def placeholders(text):
    """What a translation must have in common with its source.

    :returns: tuple (named, placed in their order, in braces, tags)
    """
    tags = Counter(_SHOWN.sub("", tag) for tag in _TAG.findall(text))
    named = Counter(_NAMED.findall(text))
    braces = Counter(_WORDS.sub("''", found) for found in _BRACES.findall(text))
    return named, _PLACED.findall(text), braces, tags


def broken(entry):
    """Say what is wrong with a translated ``polib`` entry, or return None."""
    kinds = ("named values", "values", "braces", "tags")
    pairs = zip(placeholders(entry.msgid), placeholders(entry.msgstr), strict=True)
    wrong = [kind for kind, (a, b) in zip(kinds, pairs, strict=True) if a != b]
    if entry.msgid[:1].isspace() != entry.msgstr[:1].isspace():
        wrong.append("space at the beginning")
    if entry.msgid[-1:].isspace() != entry.msgstr[-1:].isspace():
        wrong.append("space at the end")
    if wrong:
        return f"{entry.msgid[:60]!r}: other {', '.join(wrong)}"
    return None


def problems(catalogue):
    """List what is wrong with the translations of a ``polib`` file."""
    found = [
        f"{entry.msgid[:60]!r}: fuzzy"
        for entry in catalogue
        if entry.fuzzy and not entry.obsolete
    ]
    return found + list(filter(None, map(broken, catalogue.translated_entries())))


def template(env):
    """The terms of the addon as a ``polib`` file: sorted, without dates and demo data.

    :param env: environment of a database with the current code installed
    """
    buffer = io.BytesIO()
    trans_export(None, [NAME], buffer, "po", env)
    exported, result = polib.pofile(buffer.getvalue().decode()), _empty()
    for entry in exported:
        entry.occurrences = sorted(
            place
            for place in entry.occurrences
            if _shipped(place) and _is_meant(entry.msgid, place[0])
        )
        if entry.occurrences:
            entry.comment = _comment(entry)
            result.append(entry)
    result.sort(key=lambda entry: entry.msgid)
    return result


def files(env, languages=()):
    """What every file should hold.

    :param languages: codes of those to begin
    :returns: ``{file name: {"text", "terms", "translated", "problems"}}``
    """
    terms = template(env)
    found = {f"{NAME}.pot": _told(terms)}
    names = {path.stem for path in FOLDER.glob("*.po")} | set(languages)
    for language in sorted(names):
        found[f"{language}.po"] = _told(catalogue(language, terms))
    return found


def catalogue(language, terms):
    """A language's file: the terms of a template with the translations there are."""
    path, result = FOLDER / f"{language}.po", _empty(language)
    known = {}
    if path.exists():
        known = {entry.msgid: entry for entry in polib.pofile(str(path))}
    for term in terms:
        entry = polib.POEntry(
            msgid=term.msgid, comment=term.comment, occurrences=term.occurrences
        )
        if term.msgid in known and not known[term.msgid].obsolete:
            entry.msgstr = known[term.msgid].msgstr
            entry.flags = known[term.msgid].flags
            entry.tcomment = known[term.msgid].tcomment
        result.append(entry)
    return result


def _told(file):
    return {
        "text": str(file),
        "terms": len(file),
        "translated": len(file.translated_entries()),
        "problems": problems(file),
    }


def _empty(language=None):
    file = polib.POFile()
    file.header = "Translation of the addon healthcare_connector."
    plurals = {}
    if language:
        plural = PLURALS.get(language.partition("_")[0], _MOST_PLURALS)
        plurals = {"Language": language, "Plural-Forms": plural}
    file.metadata = HEADER | plurals
    return file


def _comment(entry):
    """The module and the kinds of code, without those that are not shipped."""
    kinds = {place.rpartition(".")[2] for place, _ in entry.occurrences}
    lines = [line for line in entry.comment.splitlines() if line != "odoo-python"]
    return "\n".join([*lines, "odoo-python"] if "py" in kinds else lines)


def _shipped(occurrence):
    place = occurrence[0]
    if place.startswith("code:"):
        # code:addons/healthcare_connector/models/x.py
        return place.split("/")[2] not in NOT_SHIPPED
    identifier = place.rpartition(f":{NAME}.")[2]
    return not any(
        identifier == name or identifier.startswith(f"{name}_product_")
        for name in _demo()
    )


def _is_meant(msgid, place):
    """Whether a term of Python code is an argument of ``_``.

    The exporter takes any tuple behind a call of it for another call.
    """
    path = REPO / place.partition(f"/{NAME}/")[2]
    return not place.endswith(".py") or msgid in translated(path)


@cache
def translated(path):
    """Texts that a Python file gives to a function named ``_`` or ``_lt``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            if name in ("_", "_lt") and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


@cache
def _demo():
    """External ids of demo data: databases in use do not have it."""
    from odoo.modules import Manifest

    names = set()
    for path in Manifest.for_addon(NAME).get("demo", ()):
        tree = etree.parse(file_path(f"{NAME}/{path}"))
        names.update(node.get("id") for node in tree.iterfind(".//record"))
    return {name for name in names if "." not in name}
