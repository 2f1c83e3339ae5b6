"""What labels are, found out in batches: the same as from all of them at once."""

import numpy as np
import pytest

from tf_tricks.data.label_scan import LabelScan
from tf_tricks.data.labels import describe
from tf_tricks.errors import RequestError

EYE = np.eye(4, dtype="float32")
KINDS = {
    "classes": np.arange(12) % 5,
    "column": (np.arange(12) % 5)[:, None],
    "negative": np.arange(12) - 2,
    "one-hot": EYE[np.arange(12) % 4],
    "distributions": np.concatenate([EYE[[1, 2, 0, 1]], np.full((8, 4), 0.25, "float32")]),
    "multi-hot": np.concatenate([EYE, EYE + np.roll(EYE, 1, 0), EYE]),
    "binary": (np.arange(12) % 2).astype("float32"),
    "float integers": np.array([0, 1, 0, 1, 2, 3, 0, 0, 1, 1, 1, 0], "float32"),
    "values": np.array([0, 1, 0, 1, 2.5, 3, 0, 0, 1, 1, 1, 0], "float32"),
    "tokens": np.arange(36).reshape(12, 3) % 7,
    "masks": (np.arange(48).reshape(12, 2, 2) % 3 == 0).astype("float32"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [4, 12])
def test_labels_are_those_of_all_together(kind, size):
    scan = LabelScan()
    for start in range(0, 12, size):
        scan = LabelScan(state=scan.state())
        scan.add((None, KINDS[kind][start : start + size]))
    assert scan.labels() == [describe(KINDS[kind])]


def test_labels_beyond_the_classes():
    with pytest.raises(RequestError, match="the labels must be from 0 to 2, the classes, not 4"):
        LabelScan(num_classes=3).add((None, KINDS["classes"]))


@pytest.mark.parametrize(("labels", "sentence"), [(np.array(["a"]), "must be numbers"), ([np.nan], "must be finite")])
def test_unusable_labels(labels, sentence):
    with pytest.raises(RequestError, match=sentence):
        LabelScan().add((None, np.asarray(labels)))
