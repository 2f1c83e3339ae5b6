"""MAE, RMSE and R² are scikit-learn's, by weight and batch by batch."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from tf_tricks.reports.errors_of_numbers import ErrorsOfNumbers

RNG = np.random.default_rng(0)
LABELS = RNG.normal(size=(200, 3)) * [1, 10, 1e-3] + [0, 1e6, -5]
VALUES = LABELS + RNG.normal(size=(200, 3)) * [0.3, 5, 1e-3]
WEIGHTS = RNG.random(200) * (RNG.random(200) > 0.2)


@pytest.fixture
def errors():
    made = ErrorsOfNumbers()
    for rows in np.array_split(np.arange(200), [1, 50, 50, 120]):
        made.add(LABELS[rows], VALUES[rows], WEIGHTS[rows])
    return made


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("mean_absolute_error", mean_absolute_error),
        ("root_mean_squared_error", lambda *a, **k: np.sqrt(mean_squared_error(*a, **k))),
        ("r2", r2_score),
    ],
)
def test_each_number(errors, name, reference):
    expected = reference(LABELS, VALUES, sample_weight=WEIGHTS, multioutput="raw_values")
    np.testing.assert_allclose(errors.each()[name], expected, rtol=1e-9)


def test_all_numbers_together(errors):
    summary = errors.summary()
    assert summary["mean_absolute_error"] == pytest.approx(mean_absolute_error(LABELS, VALUES, sample_weight=WEIGHTS))
    mean_square = mean_squared_error(LABELS, VALUES, sample_weight=WEIGHTS)
    assert summary["root_mean_squared_error"] == pytest.approx(np.sqrt(mean_square))
    assert summary["r2"] == pytest.approx(r2_score(LABELS, VALUES, sample_weight=WEIGHTS))


def test_a_constant_has_no_r2():
    errors = ErrorsOfNumbers()
    errors.add(np.ones((4, 1)), np.zeros((4, 1)), np.ones(4))
    assert errors.summary() == {"mean_absolute_error": 1.0, "root_mean_squared_error": 1.0, "r2": None}
