"""How often somebody may do something: a sliding window, counted in slots.

In any stretch of ``window`` seconds no more than ``quota`` is granted, and all of it
may come at once. The window is cut into :data:`SLOTS` slots and the one that began it
counts whole, so that a full load gets at least ``SLOTS / (SLOTS + 1)`` of the quota.
"""

import math
from collections import namedtuple

SLOTS = 60


class Verdict(namedtuple("Verdict", "granted kind quota window remaining reset wait")):
    """What came of one request.

    ``remaining`` is what may still be spent, ``reset`` the seconds until there is more,
    ``wait`` the seconds until the same request would be granted (0 when it was).
    """

    @property
    def policy(self):
        """Member of the ``RateLimit-Policy`` header."""
        return f'"{self.kind}";q={self.quota};w={self.window}'

    @property
    def state(self):
        """Member of the ``RateLimit`` header."""
        return f'"{self.kind}";r={self.remaining};t={self.reset}'


def verdict(granted, kind, quota, window, counts, into, cost):
    """Return the :class:`Verdict` of what the database decided.

    :param counts: what was granted in each slot, the present one first
    :param into: seconds since the present slot began
    :param cost: what was asked for
    """
    spent = sum(counts)
    wait = 0 if granted else _until(counts, into, window, spent + cost - quota)
    reset = _until(counts, into, window, 1) if spent else 0
    return Verdict(
        granted,
        kind,
        quota,
        window,
        max(0, quota - spent),
        math.ceil(reset),
        math.ceil(wait),
    )


def _until(counts, into, window, needed):
    """Return the seconds until so much of what was spent no longer counts."""
    slot = window / SLOTS
    for age in range(len(counts) - 1, -1, -1):
        needed -= counts[age]
        if needed <= 0:
            return (len(counts) - age) * slot - into
    return window
