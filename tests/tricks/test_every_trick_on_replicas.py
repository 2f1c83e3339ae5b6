"""Two replicas give what one device gives; where masks are random, those of two replicas are independent."""

import numpy as np
import pytest
from support import forked, tricks_on_replicas

GROUPS = [("layers", "losses", "initializers"), ("optimizers",), ("callbacks",)]


@pytest.mark.slow
@pytest.mark.parametrize("packages", GROUPS, ids="+".join)
def test_two_replicas(packages):
    one, two = (forked.call(tricks_on_replicas.train, replicas, packages) for replicas in (1, 2))
    wrong = {case: difference(one[case], two[case]) for case in one}
    assert not any(wrong.values()), "\n".join(f"{case}: {problem}" for case, problem in wrong.items() if problem)


def difference(one, two):
    """Says in words what is wrong, or returns None."""
    for found in (one, two):
        if "error" in found:
            return str(found["error"])
    if "replica0" in one:
        first, second = two["replica0"], two["replica1"]
        if np.array_equal(first, second):
            return "both replicas have the same masks"
        # The network behind the mask is not linear, but its outputs' mean over 1024 draws moves little.
        means = first.mean(axis=0), second.mean(axis=0)
        if np.abs(means[0] - means[1]).max() > 0.2 * first.std():
            return f"the means of two replicas differ: {means}"
        return None
    if not one or one.keys() != two.keys():
        return "the two have different weights"
    for key, value in one.items():
        scale = max(np.abs(value).max(), 1e-3)
        if not np.abs(two[key] - value).max() <= 1e-5 * scale:
            return f"{key} differs by {np.abs(two[key] - value).max() / scale:.1e} of its size"
    return None
