"""Columns and arrays of predictions say what the model says, and nothing where there is nothing."""

import keras
import numpy as np
import pytest
from keras import losses
from scipy.stats import entropy

from tf_tricks.reports.columns import arrays_of, columns_of, names_of
from tf_tricks.training.outputs import describe

RNG = np.random.default_rng(0)
PROBABILITIES = RNG.dirichlet(np.ones(3), 4)
DEVIATIONS = RNG.random((4, 3))
NOTHING = np.full((1, 3), np.nan)

ONE = describe("", (None, 3), losses.CategoricalCrossentropy(), class_names=["cat", "dog", "cow"])
TWO = describe("kind", (None, 1), losses.BinaryCrossentropy(), class_names=["no", "yes"])
SEVERAL = describe("", (None, 3), losses.BinaryCrossentropy(), class_names=["cat", "dog", "cow"])
NUMBER = describe("", (None, 1), losses.MeanSquaredError())
NUMBERS = describe("at", (None, 3), losses.MeanSquaredError())
HINGE = describe("", (None, 1), losses.Hinge())


def columns(output, mean, deviation=None):
    found = columns_of(output, mean, deviation)
    assert list(found) == list(names_of(output, deviation is not None))
    assert {len(column) for column in found.values()} == {len(mean)}
    return found


def test_one_of_several_classes():
    found = columns(ONE, PROBABILITIES)
    assert found["prediction"] == [["cat", "dog", "cow"][k] for k in PROBABILITIES.argmax(axis=1)]
    np.testing.assert_array_equal(found["probability"], PROBABILITIES.max(axis=1))
    np.testing.assert_array_equal(found["probability_cow"], PROBABILITIES[:, 2])


def test_entropy_and_deviations_of_several_times():
    found = columns(ONE, PROBABILITIES, DEVIATIONS)
    np.testing.assert_allclose(found["entropy"], entropy(PROBABILITIES, axis=1))
    np.testing.assert_array_equal(found["deviation_dog"], DEVIATIONS[:, 1])


def test_two_classes_have_a_column_each():
    found = columns(TWO, np.array([[0.3], [0.9]]), np.array([[0.1], [0.2]]))
    assert found["kind_prediction"] == ["no", "yes"]
    np.testing.assert_allclose(found["kind_probability"], [0.7, 0.9])
    np.testing.assert_allclose(found["kind_probability_no"], [0.7, 0.1])
    np.testing.assert_allclose(found["kind_deviation_no"], [0.1, 0.2])
    np.testing.assert_allclose(found["kind_entropy"], entropy([[0.3, 0.9], [0.7, 0.1]]))


def test_several_classes_at_once():
    found = columns(SEVERAL, np.array([[0.6, 0.5, 0.7], [0.1, 0.2, 0.3]]))
    assert found["prediction"] == ["cat|cow", ""]
    assert list(found) == ["prediction", "probability_cat", "probability_dog", "probability_cow"]


def test_numbers():
    assert list(columns(NUMBER, np.ones((4, 1)))) == ["prediction"]
    assert list(columns(NUMBER, np.ones(4))) == ["prediction"]
    found = columns(NUMBERS, PROBABILITIES, DEVIATIONS)
    assert list(found) == [f"at_{kind}_{i}" for kind in ("prediction", "deviation") for i in range(3)]
    np.testing.assert_array_equal(found["at_deviation_2"], DEVIATIONS[:, 2])


def test_scores_are_no_probabilities():
    found = columns(HINGE, np.array([[-0.4], [2.0]]))
    assert found["prediction"] == ["0", "1"]
    np.testing.assert_array_equal(found["score"], [-0.4, 2.0])
    several = describe("", (None, 3), losses.CategoricalHinge())
    assert list(columns(several, PROBABILITIES)) == ["prediction", "score", "score_0", "score_1", "score_2"]


@pytest.mark.parametrize("output", [ONE, SEVERAL, NUMBERS])
def test_nothing_is_predicted_where_there_is_nothing(output):
    found = columns(output, np.concatenate([PROBABILITIES[:1], NOTHING]))
    for column in found.values():
        assert column[0] is not None
        assert column[1] is None or np.isnan(column[1])


def test_arrays_of_pixels():
    pixels = describe("", (None, 2, 2, 3), losses.CategoricalCrossentropy())
    mean = RNG.dirichlet(np.ones(3), (5, 2, 2))
    mean[4] = np.nan
    found = arrays_of(pixels, mean, None)
    np.testing.assert_array_equal(found["prediction"][:4], mean[:4].argmax(axis=-1))
    assert (found["prediction"][4] == -1).all()
    np.testing.assert_allclose(found["probabilities"], mean, rtol=1e-6)


def test_arrays_of_two_classes():
    found = arrays_of(TWO, np.array([[0.3], [0.9]]), np.array([[0.1], [0.2]]))
    np.testing.assert_allclose(found["kind_probabilities"], [[0.7, 0.3], [0.1, 0.9]], rtol=1e-6)
    np.testing.assert_allclose(found["kind_deviations"], [[0.1, 0.1], [0.2, 0.2]], rtol=1e-6)
    assert found["kind_prediction"].tolist() == [0, 1]


def test_arrays_of_others():
    assert arrays_of(SEVERAL, PROBABILITIES, None)["prediction"].dtype == bool
    np.testing.assert_allclose(arrays_of(NUMBERS, PROBABILITIES, None)["at_prediction"], PROBABILITIES, rtol=1e-6)
    assert "scores" in arrays_of(HINGE, np.ones((2, 1)), None)
    assert keras.tree.map_structure(np.shape, arrays_of(ONE, PROBABILITIES, DEVIATIONS)) == {
        "prediction": (4,),
        "probabilities": (4, 3),
        "entropy": (4,),
        "deviations": (4, 3),
    }
