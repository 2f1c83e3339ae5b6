"""What is said of the inputs' values: not finite, constant, not normalised or twice; and nothing of good ones."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from support import examined

from tf_tricks.data import ArraySource
from tf_tricks.doctor import data_values
from tf_tricks.doctor.scales import scale_of
from tf_tricks.errors import NotFinite

layers = keras.layers


@pytest.fixture(scope="module")
def digits():
    return examined.digits()


@pytest.fixture(scope="module")
def cancer():
    x, y = load_breast_cancer(return_X_y=True)
    return x.astype("float32"), y.astype("int32")


def standard(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def found(*arguments, **keywords):
    return examined.found(data_values, *arguments, **keywords)


class Own(ArraySource):
    """A source that does not look at what it is given."""

    def __init__(self, inputs, labels):
        super().__init__(np.zeros_like(inputs), labels)
        self.inputs = inputs

    def fetch(self, indices, positions=None):
        import tensorflow as tf

        return tf.gather(self.inputs, indices), super().fetch(indices)[1]


def test_not_finite_inputs_of_a_source_that_lets_them_pass():
    x, y = examined.table()
    x[7, 2], x[9, 2] = np.nan, np.inf
    finding = found(examined.mlp(), Own(x, y))["non_finite_inputs"]
    assert finding.measured.startswith("2 of 2,400 values of inputs are NaN or infinite, in 2 of 400 examples")
    assert finding.confidence == 1


def test_arrays_that_are_not_finite_are_refused_with_the_place():
    x, y = examined.table()
    x[7, 2], x[9, 2] = np.nan, np.inf
    with pytest.raises(NotFinite, match=r"infinite: 2 of 2,400, all of them in column 2 .* the first at \[7, 2\]"):
        examined.patient(examined.mlp(), (x, y))


def test_a_model_that_makes_good_inputs_infinite():
    x, y = examined.table()
    model = examined.mlp(before=[layers.Rescaling(np.inf)])
    assert "what reaches the first weights" in found(model, (x, y))["non_finite_inputs"].measured


@pytest.mark.parametrize("factor", [256, 16])
def test_pixels_as_they_are_stored(digits, factor):
    x, y = digits
    assert "inputs_not_normalised" in found(examined.convnet(), (factor * x, y))


def test_the_more_they_are_off_the_surer(digits):
    x, y = digits
    some, many = (found(examined.convnet(), (f * x, y))["inputs_not_normalised"].confidence for f in (16, 256))
    assert 0.5 < some < many < 1


@pytest.mark.parametrize(
    "before", [layers.Rescaling(1 / 255), layers.BatchNormalization(), layers.LayerNormalization()]
)
def test_a_layer_that_normalises_counts(digits, before):
    x, y = digits
    assert not found(examined.convnet(before), ((255 * x).astype("uint8"), y))


def test_batch_norm_after_the_first_weights_makes_it_less_likely(digits):
    x, y = digits
    plain = examined.convnet()
    normed = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(8, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(10)]
    )
    sure, less = (found(model, (255 * x, y))["inputs_not_normalised"].confidence for model in (plain, normed))
    assert less < 0.75 * sure


def test_weights_of_another_run_know_their_inputs(digits):
    x, y = digits
    norm = layers.BatchNormalization()
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(8, 3), norm, layers.Flatten(), layers.Dense(10)])
    norm.moving_mean.assign(norm.moving_mean + 0.1)
    assert not found(model, (255 * x, y))


def test_one_column_of_another_scale(cancer):
    x, y = cancer
    x = standard(x)
    assert not found(examined.mlp(30), (x, y))
    x[:, 3] = 500 * x[:, 3]
    assert "largest feature" in found(examined.mlp(30), (x, y))["inputs_not_normalised"].measured


def test_columns_as_they_come(cancer):
    assert found(examined.mlp(30), cancer)["inputs_not_normalised"].confidence > 0.9


@pytest.mark.parametrize("adapted", [False, True])
def test_a_normalization_layer_that_is_adapted(cancer, adapted):
    x, y = cancer
    norm = layers.Normalization()
    norm.adapt(x if adapted else standard(x))
    assert bool(found(examined.mlp(30, before=[norm]), (x, y))) is not adapted


def test_columns_that_hardly_differ(cancer):
    x, y = cancer
    assert "hardly differs" in found(examined.mlp(30), (1e-3 * standard(x), y))["inputs_not_normalised"].measured


TWICE = {
    "divided by 255 in arrays and model": (1, layers.Rescaling(1 / 255)),
    "divided twice in the arrays": (1 / 255, layers.Identity()),
    "divided twice in the model": (255, layers.Rescaling(1 / 255**2)),
    "the mean of bytes taken from 0 to 1": (1, layers.Rescaling(1, -120.0)),
    "the moments of bytes for 0 to 1": (1, layers.Normalization(mean=80.0, variance=90.0**2)),
}


@pytest.mark.parametrize(("factor", "before"), TWICE.values(), ids=list(TWICE))
def test_normalised_twice(digits, factor, before):
    x, y = digits
    assert list(found(examined.convnet(before), (factor * x, y))) == ["inputs_normalised_twice"]


def test_numbers_that_are_mostly_0_are_no_small_ones():
    x = np.eye(400, dtype="float32")[np.arange(800) % 400]
    assert not found(examined.mlp(400), (x, np.arange(800) % 2))


def test_all_examples_are_the_same():
    x, y = examined.table()
    finding = found(examined.mlp(), (np.ones_like(x), y))["constant_features"]
    assert finding.measured == "all 6 values of inputs are the same in every example"
    assert finding.confidence > 0.9


def test_a_column_that_is_constant():
    x, y = examined.table()
    x[:, 4] = 3.0
    assert found(examined.mlp(), (x, y))["constant_features"].measured.endswith("in every example: 4")


def test_the_more_columns_are_constant_the_surer():
    x, y = examined.table()
    confidences = []
    for number in (1, 5):
        x[:, :number] = 3.0
        confidences.append(found(examined.mlp(), (x, y))["constant_features"].confidence)
    assert confidences[0] < 0.5 < 0.8 < confidences[1]


def test_the_border_of_pictures_is_constant_by_nature(digits):
    x, y = digits
    assert (x.reshape(len(x), -1).std(axis=0) == 0).sum() == 3
    assert not found(examined.convnet(), (x, y))
    assert not found(examined.mlp(64, 10), (x.reshape(-1, 64), y))


def test_a_lost_channel(digits):
    x, y = digits
    x = np.concatenate([x, np.zeros_like(x), x], axis=-1)
    assert "channel 1" in found(examined.convnet(shape=(8, 8, 3)), (x, y))["constant_features"].measured


def test_tokens_have_no_scale():
    tokens = np.random.default_rng(0).integers(0, 5000, (200, 12))
    model = keras.Sequential(
        [keras.Input((12,), dtype="int32"), layers.Embedding(5000, 8), layers.Flatten(), layers.Dense(2)]
    )
    assert not found(model, (tokens, tokens[:, 0] % 2))


def test_scale_is_that_of_numpy():
    array = np.random.default_rng(0).normal(3, 2, (50, 4, 4, 3))
    scale = scale_of(array)
    np.testing.assert_allclose(
        (scale.mean, scale.deviation, scale.size), (array.mean(), array.std(), np.sqrt((array**2).mean()))
    )
    np.testing.assert_allclose(scale.means, array.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(scale.variances, array.var(axis=(0, 1, 2)))
