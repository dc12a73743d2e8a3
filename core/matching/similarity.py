"""How alike two people's records look: phonetic keys, name similarity, a score.

Pure Python on purpose: which pairs are found must not depend on the extensions a
database happens to have. Jaro and Winkler's measure is the usual one for names in
record linkage (Winkler 1990, "String Comparator Metrics and Enhanced Decision Rules").
"""

import re
import unicodedata
from functools import lru_cache

# Soundex' classes, but for the first letter too: Katherine is found as Catherine.
_CLASSES = {
    letter: digit
    for digit, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1)
    for letter in letters
}
_CODE_LENGTH = 5
# Below this two words are simply different: John is not 70 % of a Jane.
_WORD_FLOOR = 0.8
_EVIDENCE = 0.1
_DOUBT = 0.05
_OTHER_SEX = 0.2


def words(name):
    """Return the words of a name: lower case, without accents and punctuation."""
    text = unicodedata.normalize("NFKD", name or "").casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    return re.findall(r"\w+", text.replace("'", "").replace("’", ""))


@lru_cache(maxsize=8192)
def phonetic(word):
    """Return a code that words sounding alike share; ``word`` as of :func:`words`.

    Words without Latin letters are their own code. Numbers are kept.
    """
    numbers = "".join(c for c in word if c.isdigit())
    letters = word.replace("ph", "f")
    code, last = "", None
    for position, letter in enumerate(letters):
        digit = _CLASSES.get(letter)
        if digit is None:
            if letter in "aeiouy":
                last = None
                if position == 0:
                    code = "0"
            elif letter not in "hw" and letter.isalpha():
                return word
            continue
        if digit != last:
            code += str(digit)
        last = digit
    return code[:_CODE_LENGTH] + (f"-{numbers}" if numbers else "")


def match_codes(name):
    """Return the phonetic codes of given and family name of ``Given … Family``."""
    parts = words(name)
    return (phonetic(parts[0]), phonetic(parts[-1])) if parts else (None, None)


def jaro_winkler(one, other):
    """Return the similarity of two words, 0 to 1."""
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    reach = max(len(one), len(other)) // 2 - 1
    used = [False] * len(other)
    matched = []
    for position, letter in enumerate(one):
        for place in range(max(0, position - reach), position + reach + 1):
            if place >= len(other):
                break
            if not used[place] and other[place] == letter:
                used[place] = True
                matched.append(letter)
                break
    if not matched:
        return 0.0
    theirs = [letter for letter, is_used in zip(other, used, strict=True) if is_used]
    swaps = sum(a != b for a, b in zip(matched, theirs, strict=True)) / 2
    count = len(matched)
    jaro = (count / len(one) + count / len(other) + (count - swaps) / count) / 3
    prefix = 0
    for a, b in zip(one[:4], other[:4], strict=False):
        if a != b:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)


def name_similarity(one, other):
    """Return how alike two full names are, 0 to 1; first and last word count.

    Given and family name may be swapped. Names with different numbers in them, such as
    those of unnamed newborns, are different.
    """
    left, right = words(one), words(other)
    if not left or not right or _numbers(left) != _numbers(right):
        return 0.0
    straight = _word(left[0], right[0]) + _word(left[-1], right[-1])
    swapped = _word(left[0], right[-1]) + _word(left[-1], right[0])
    return max(straight, swapped) / 2


def _word(one, other):
    similarity = jaro_winkler(one, other)
    return similarity if similarity >= _WORD_FLOOR else 0.0


def _numbers(parts):
    return re.findall(r"\d+", " ".join(parts))


def score(one, other):
    """Return how likely two records of one birth date are one person, and why.

    :param one: dict with ``name`` and, where known, ``phone``, ``street``, ``city``,
        ``zip``, ``sex``
    :return: ``(score 0 to 1, names of what agrees)``
    """
    total = name = name_similarity(one.get("name"), other.get("name"))
    if not name:
        return 0.0, []
    agrees = ["same_name" if name == 1 else "similar_name"]
    for kind, reading in (("phone", _phone), ("address", _address)):
        left, right = reading(one), reading(other)
        if not left or not right:
            continue
        if left == right:
            total += _EVIDENCE
            agrees.append(kind)
        else:
            total -= _DOUBT
    sexes = {record.get("sex") for record in (one, other)} - {None, False, "unknown"}
    if len(sexes) > 1:
        total -= _OTHER_SEX
    return min(max(total, 0.0), 1.0), agrees


def _phone(record):
    # The last ten digits: country and trunk prefixes are written in many ways.
    return re.sub(r"\D", "", record.get("phone") or "")[-10:]


def _address(record):
    street = "".join(words(record.get("street")))
    place = words(record.get("zip")) or words(record.get("city"))
    return (street, "".join(place)) if street and place else None
