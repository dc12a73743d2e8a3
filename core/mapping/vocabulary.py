"""Words that standards and vendors have for the same thing."""

from functools import cache

from babel import Locale
from babel.core import get_global

_SEXES = {
    "m": "male",
    "male": "male",
    "man": "male",
    "f": "female",
    "female": "female",
    "woman": "female",
    "o": "other",
    "other": "other",
    "x": "other",
    "a": "other",
    "n": "other",
    "nonbinary": "other",
    "non-binary": "other",
    "u": "unknown",
    "unknown": "unknown",
}
_COUNTRY_WORDS = {
    "united states of america": "US",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
}


def sex(text):
    """Return ``male``, ``female``, ``other`` or ``unknown``.

    Reads HL7 table 0001, FHIR administrative-gender, X12 DMG03 and plain words; what
    is none of them is ``unknown``.
    """
    return _SEXES.get(text.strip().lower(), "unknown")


def country(text):
    """Return the ISO 3166-1 code of two letters that a text means, or None.

    :param str text: a code of two, three or (numeric) three characters, or the English
        name
    """
    words = " ".join(text.replace(".", "").split())
    code = words.upper()
    if code in _territories():
        return code
    # CLDR has the codes of three letters and digits as aliases; those of countries that
    # fell apart mean several.
    found = get_global("territory_aliases").get(code, ())
    if len(found) == 1 and found[0] in _territories():
        return found[0]
    name = words.lower()
    return _COUNTRY_WORDS.get(name) or _names().get(name)


@cache
def _territories():
    """English names of countries by their codes; ZZ is CLDR's unknown one."""
    return {
        code: name
        for code, name in Locale("en").territories.items()
        if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "ZZ")
    }


@cache
def _names():
    return {name.lower(): code for code, name in _territories().items()}
