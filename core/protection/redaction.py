"""Last nets: patient data taken out of texts and log records.

Code does not put values into messages in the first place. These catch what libraries
and the database add by themselves.
"""

import logging
import re

MASK = "[redacted]"
_SHORTEST = 3
_MOST = 2000  # strings of one payload that are looked for

# All repeats are bounded and none is nested: the time is linear in the text.
_PATTERNS = (
    # What PostgreSQL adds to its errors; up to the end of the line.
    (re.compile(r"(Key \([^)\n]{1,200}\)=\()[^\n]*"), rf"\1{MASK}"),
    (re.compile(r"((?:Failing row contains|parameters:) ?)[^\n]*"), rf"\1{MASK}"),
    (re.compile(r"(invalid input syntax for [a-z ]{1,40}: )[^\n]*"), rf"\1{MASK}"),
    (
        re.compile(
            r"""(?<![A-Za-z0-9])
            ((?:patient|first|last|family|given|full|guarantor|member|subscriber)?_?
             (?:name|given|family|birth_?date|dob|ssn|phone|mobile|e?mail|street
               |address|member_id|mrn|postal_code|zip)
             ["']?\s{0,3}[=:]\s{0,3})
            ("[^"\n]{0,200}"|'[^'\n]{0,200}'|[^\s,;&)}\]"']{1,200})""",
            re.IGNORECASE | re.VERBOSE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"), MASK),
    (re.compile(r"(?<![\w-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w-])"), MASK),
    (
        re.compile(
            r"(?<![\w.-])(?:\+?1[-. ]?)?(?:\([0-9]{3}\) ?|[0-9]{3}[-. ])"
            r"[0-9]{3}[-. ][0-9]{4}(?![\w-])"
        ),
        MASK,
    ),
    (re.compile(r"\+[0-9](?:[-. ()]?[0-9]){7,14}(?![\w-])"), MASK),
)


def redact(text):
    """Return a text without what looks like patient data."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def strings_of(data):
    """Return the set of texts within a JSON value, names of members apart.

    Whole numbers of five digits and more count as texts: account numbers are
    sometimes sent that way.
    """
    found, stack = set(), [data]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list | tuple):
            stack.extend(value)
        elif isinstance(value, int) and abs(value) >= 10000:
            found.add(str(value))
    return found


def scrub(text, values):
    """Return a text with every one of the values replaced, in whatever case.

    :param str text: e.g. the message of an exception
    :param values: texts, e.g. ``strings_of(payload)``; those under three characters
        are left, or nothing readable would be
    """
    wanted = {value.strip() for value in values}
    wanted = sorted((v for v in wanted if len(v) >= _SHORTEST), key=len, reverse=True)
    if not text or not wanted:
        return text
    # Searched one at a time in C first: most payloads share nothing with the text.
    folded = text.casefold()
    present = [v for v in wanted if v.casefold() in folded][:_MOST]
    if not present:
        return text
    # Longest first, so that a part of a name does not spoil the whole one.
    pattern = re.compile("|".join(map(re.escape, present)), re.IGNORECASE)
    return pattern.sub(MASK, text)


class RedactingFilter(logging.Filter):
    """Takes what looks like patient data out of records, tracebacks included.

    Put on a handler or on a logger; never stops a record.
    """

    _formatter = logging.Formatter()

    def filter(self, record):
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # Arguments that do not fit the message: neither is safe to show.
            message = "A log message could not be put together."
            record.msg, record.args = message, ()
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True
