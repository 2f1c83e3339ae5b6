"""Examples that are there more than once: among the training examples, and in validation or test as well.

By hash first, then by what is nearly the same: pictures at a small size, rows as they are. What counts is how much more
often a validation or test example is found among the training examples than a training example among the others: where
all examples are drawn alike these are the same, however few different ones there are.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_tricks.doctor import looks
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.nearest import nearest_distances
from tf_tricks.doctor.patient import Patient

MOST = 20_000
_ASKED = 1000  # examples that are looked for among the others by what is nearly the same
_EXCESS = 0.02  # of a part's examples
_FEWEST = 3
_WITHIN = 0.3
_NEAR = 0.1  # of the usual distance to the nearest other example
_SECONDS = 15.0
_VALUES = 8  # numbers in an example, from which on two that are equal are no chance


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Looks for duplicates within the training examples and across the parts.

    Args:
        patient: `Patient`.
        progress: function of a line.
    """
    progress("looking for examples that are there more than once")
    train = _Part(patient.stream.source)
    findings = []
    for source, what in ((patient.validation, "validation"), (patient.test, "test")):
        if source is not None:
            findings += _across(train, _Part(source), what)
    return Checked(_merged(findings) or _within(train))


class _Part:
    """The examples of a part, as far as they are looked at: their hashes, and what of them is compared."""

    def __init__(self, source):
        self.number = source.num_examples
        rows = looks.spread(source, MOST)
        hashes, small = [], []
        self.floats, self.pictures, self.values = False, False, 0
        for _, inputs, _ in looks.blocks(source, rows, _SECONDS):
            arrays = [np.ascontiguousarray(array) for array in _arrays(inputs)]
            self.pictures = all(map(looks.is_pictures, arrays))
            self.floats = self.pictures or any(array.dtype.kind == "f" for array in arrays)
            self.values = sum(array[0].size for array in arrays)
            hashes += [hash(b"".join(array[i].tobytes() for array in arrays)) for i in range(len(arrays[0]))]
            small.append(looks.flat(inputs, side=8))
        self.hashes, self.small = np.array(hashes), np.concatenate(small)
        self.rows = rows[: len(self.hashes)]

    @property
    def repeated(self):
        """The share of the examples that are there more than once."""
        _, places, counts = np.unique(self.hashes, return_inverse=True, return_counts=True)
        return float((counts[places] > 1).mean())


def _arrays(inputs):
    """The arrays of a structure of inputs; texts in a form that has bytes of its own."""
    arrays = map(np.asarray, tf.nest.flatten(inputs))
    return [array if array.dtype.kind in "buif" else array.astype(str) for array in arrays]


def _across(train, part, what):
    same = np.isin(part.hashes, train.hashes)
    excess = same.mean() - train.repeated
    if same.sum() >= _FEWEST and excess > _EXCESS:
        return [_leak(part, same, what, "the same bytes", 0.75 + 0.2 * min(1.0, 5 * excess))]
    near = _near(train, part)
    if near is not None and near.sum() >= _FEWEST:
        return [_leak(part, near, what, "nearly the same", 0.7)]
    return []


def _near(train, part):
    """Which examples of a part have a training example unusually near; None where there are not more than by chance."""
    if not train.floats or train.values < _VALUES:
        return None
    random = np.random.default_rng(0)
    asked = part.small[np.sort(random.permutation(len(part.small))[:_ASKED])]
    others = np.sort(random.permutation(len(train.small))[:_ASKED])
    scale = train.small.std(axis=None if train.pictures else 0)
    scale = np.where(scale > 0, scale, 1.0)
    of_part = nearest_distances(asked / scale, train.small / scale)
    of_train = nearest_distances(train.small[others] / scale, train.small / scale, others)
    near = _NEAR * np.median(of_train)
    if (of_part < near).mean() - (of_train < near).mean() <= _EXCESS:
        return None
    return of_part < near


def _leak(part, found, what, how, confidence):
    of = f"{len(found):,}" if len(found) == part.number else f"{len(found):,} that were looked at"
    rows = ", ".join(str(part.rows[i]) for i in np.flatnonzero(found)[:3]) if len(found) == len(part.rows) else ""
    first = f" (the first: {rows})" if rows else ""
    return Finding(
        "duplicates_across_splits",
        f"{found.sum():,} of {of} {what} examples ({found.mean():.1%}) are among the training examples, {how}{first}",
        f"What was trained on is known by heart: the {what} results are too good, and nothing that is chosen by them "
        "can be trusted (Barz and Denzler 2020, arXiv:1902.00423).",
        "split before copies are made, and by what belongs together (a patient, a scene, a day); drop from the "
        "training examples what is in another part",
        float(confidence),
    )


def _merged(findings):
    """One finding of both parts."""
    if len(findings) < 2:
        return findings
    both = "; ".join(finding.measured for finding in findings)
    return [findings[0]._replace(measured=both, confidence=max(finding.confidence for finding in findings))]


def _within(train):
    repeated = train.repeated
    if repeated < _WITHIN or not train.floats or train.values < _VALUES:
        return []
    different = len(np.unique(train.hashes))
    return [
        Finding(
            "duplicates_within_training",
            f"{repeated:.0%} of the {len(train.hashes):,} training examples that were looked at are there more than "
            f"once; {different:,} are different",
            "An epoch sees a copied example again and again: it weighs more, and there are fewer different ones than "
            "their number says.",
            "drop the copies, or give weights (config.class_weight, w_train) in their place",
            0.4,
        )
    ]
