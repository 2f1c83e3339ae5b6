"""How far an exported model's outputs are from those of the model that it was made of."""

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]
"""Arrays by name."""


def largest_difference(expected: Arrays, found: Arrays) -> float:
    """Returns the largest difference between outputs, as a part of the output's largest value where that is above 1.

    Infinity where they do not have the same names, shapes, texts, or NaN at the same places.

    Args:
        expected: the outputs of the model.
        found: those of the exported one.

    Example:
        >>> largest_difference({"y": np.array([1.0, 200.0])}, {"y": np.array([1.0, 201.0])})
        0.005
    """
    if expected.keys() != found.keys():
        return float("inf")
    return max((_difference(np.asarray(expected[name]), np.asarray(found[name])) for name in expected), default=0.0)


def relative_error(expected: Arrays, found: Arrays) -> float:
    """Returns the root of the mean squared error over the standard deviation of the outputs, the largest of them all.

    What an approximation is measured by: 0 is exact, and 1 no better than the outputs' mean.

    Args:
        expected: the outputs of the model.
        found: those of the approximation.

    Example:
        >>> relative_error({"y": np.array([-1.0, 1.0])}, {"y": np.array([-0.9, 1.1])})
        0.1
    """
    if largest_difference(expected, found) == float("inf"):
        return float("inf")
    errors = [0.0]
    for name in expected:
        a, b = (np.asarray(outputs[name], "float64") for outputs in (expected, found))
        error = np.sqrt(np.mean(np.square(a - b)))
        errors.append(0.0 if error == 0 else float(round(error / max(np.std(a), 1e-12), 12)))
    return max(errors)


def _difference(a, b):
    if a.shape != b.shape:
        return float("inf")
    if a.dtype.kind in "OSU" or b.dtype.kind in "OSU":
        return 0.0 if np.array_equal(a.astype(object), b.astype(object)) else float("inf")
    a, b = a.astype("float64"), b.astype("float64")
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    a, b = a[finite], b[finite]
    return float(np.max(np.abs(a - b), initial=0.0) / max(1.0, np.max(np.abs(a), initial=0.0)))
