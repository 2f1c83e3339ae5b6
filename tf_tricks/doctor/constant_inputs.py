"""Inputs that say nothing: the same in all examples."""

from collections.abc import Mapping

import numpy as np

from tf_tricks.doctor.finding import Finding
from tf_tricks.doctor.looks import is_pictures

_WHY = (
    "A constant says nothing about the labels: its weights only add to the biases, and a standardisation divides by "
    "its variance, 0."
)
_FEW_EXAMPLES = 8
_MOSTLY_ZERO = 0.2
"""A share of zeros from which on a feature that is always 0 is no wonder: a border of pictures, a rare word."""


def constant_inputs(named: Mapping[str, np.ndarray]) -> list[Finding]:
    """Returns what there is to say about features that are the same in all examples.

    Pixels at the border of pictures are constant by nature, and so are columns of counts and of one-hot vectors: one
    that is always 0 beside others that often are is none to speak of.

    Args:
        named: dict of input to its values [n, ...].
    """
    found = []
    for name, array in named.items():
        if len(array) < _FEW_EXAMPLES:
            continue
        constant = array.reshape(len(array), -1)
        values = constant[0]
        constant = (constant == values).all(axis=0)
        if constant.all():
            found.append(_finding(f"all {len(constant):,} values of {name} are the same in every example", 0.97, name))
        elif is_pictures(array):
            found += _channels(name, array)
        elif array.ndim == 2:
            found += _columns(name, array, constant, values)
    return found


def _channels(name, array):
    """Of pictures whole channels count, or nearly all pixels."""
    by_channel = array.reshape(-1, array.shape[-1])
    channels = np.flatnonzero((by_channel == by_channel[0]).all(axis=0))
    if len(channels) and array.shape[-1] in (1, 3):
        listed = ", ".join(map(str, channels))
        return [_finding(f"channel {listed} of {name} has one value, {by_channel[0][channels[0]]:g}", 0.6, name)]
    return []


def _columns(name, array, constant, values):
    natural = (values == 0) & (np.mean(array[:, ~constant] == 0) > _MOSTLY_ZERO)
    columns = np.flatnonzero(constant & ~natural)
    if not len(columns):
        return []
    share = len(columns) / len(constant)
    listed = ", ".join(map(str, columns[:8])) + (", …" if len(columns) > 8 else "")
    what = f"{len(columns):,} of {len(constant):,} features of {name} are the same in every example: {listed}"
    return [_finding(what, 0.4 + 0.55 * share, name)]


def _finding(measured, confidence, name):
    change = "drop them, or mend what reads them (a wrong column, a lost channel, a division of integers)"
    return Finding("constant_features", measured, _WHY, change, confidence)
