"""What an example of each class counts."""

import numpy as np
import pytest

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.training.class_weights import class_weights


@pytest.mark.parametrize(
    ("given", "labels", "expected"),
    [
        ({1: 5.0}, [0, 1, 2, 1], [1, 5, 1]),
        ("balanced", [0, 1, 1, 1], [2, 2 / 3]),
        ("balanced", [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [2, 2 / 3]),
    ],
)
def test_class_weights(given, labels, expected):
    source = tt.data.ArraySource(np.zeros((len(labels), 1)), np.array(labels))
    np.testing.assert_allclose(class_weights(given, source), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "has_weights", "sentence"),
    [
        ({7: 1.0}, False, "a weight for 7, and the classes are 0 to 2"),
        ({"a": 1.0}, False, "a weight for 'a', and the classes"),
        ({0: -1.0}, False, "of class 0 must be a number at least 0, not -1.0"),
        ("balance", False, "a dict of class to weight, or 'balanced', not 'balance'"),
        ({0: 1.0}, True, "cannot be given at the same time"),
    ],
)
def test_class_weights_that_cannot_be_used(given, has_weights, sentence):
    with pytest.raises(RequestError, match=sentence):
        class_weights(given, tt.data.ArraySource(np.zeros((3, 1)), np.arange(3), np.ones(3) if has_weights else None))
