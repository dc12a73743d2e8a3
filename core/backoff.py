"""When to try again: exponential back-off with full jitter.

Full jitter spreads those who failed together evenly over the whole window, so that
they do not come back together (M. Brooker, "Exponential Backoff And Jitter", 2015).
"""

import random


def full_jitter(attempt, base, cap, rng=random):
    """Return the seconds to wait before the next try.

    :param int attempt: how many tries have failed; 1 after the first
    :param float base: seconds, upper bound after the first failure
    :param float cap: seconds, upper bound of all
    :param rng: source of randomness, anything with ``uniform``
    """
    # Past 2**60 any base has met its cap; floats would overflow at 2**1024.
    doublings = min(max(attempt - 1, 0), 60)
    return rng.uniform(0, min(cap, base * 2**doublings))
