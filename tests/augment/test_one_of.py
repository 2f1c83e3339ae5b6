"""OneOf: how often each is chosen, and that each example gets what its own makes of it."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import OneOf, Sequence, Standard
from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

NUMBER = 3000
POSITIONS = np.arange(100, 100 + NUMBER, dtype="int64")
IMAGES = np.random.default_rng(0).integers(1, 256, (NUMBER, 3, 3, 1)).astype("uint8")
LABELS = np.arange(NUMBER, dtype="int32")


@keras.saving.register_keras_serializable("tests")
class Paint(Augmentation):
    """Makes images of one value."""

    def __init__(self, value, **keywords):
        super().__init__(**keywords)
        self.value = value

    def transform(self, batch, draws):
        return batch._replace(images=tf.zeros_like(batch.images) + tf.cast(self.value, batch.images.dtype))


class Mixes(Augmentation):
    mixes = True


def augmented(policy, part=slice(None), **keywords):
    return policy(IMAGES[part], LABELS[part], seed=3, positions=POSITIONS[part], **keywords)


@pytest.mark.parametrize("probabilities", [None, [0.5, 0.3, 0.2], [0.7, 0.0, 0.3], [0.5, 0.5, 0.0]])
def test_each_is_chosen_with_its_probability(probabilities):
    images = augmented(OneOf([Paint(n) for n in range(3)], probabilities))[0]
    assert (np.asarray(images) == np.asarray(images)[:, :1, :1]).all()
    counts = np.bincount(np.asarray(images)[:, 0, 0, 0], minlength=3)
    wanted = NUMBER * np.array(probabilities or [1 / 3] * 3)
    possible = wanted > 0
    assert (counts[~possible] == 0).all()
    assert scipy.stats.chisquare(counts[possible], wanted[possible]).pvalue > 0.01


def test_each_example_gets_what_its_own_makes_of_it():
    inner = [Standard(pad=1), Paint(0), Standard(flip=False, pad=3)]
    found = np.asarray(augmented(OneOf(inner))[0])
    draws = Draws(3, POSITIONS)
    choice = np.asarray(draws.integers(0, 3))
    for number, one in enumerate(inner):
        wanted = np.asarray(one.transform(Batch(IMAGES), draws.copy()).images)
        np.testing.assert_array_equal(found[choice == number], wanted[choice == number])


@given(start=st.integers(0, NUMBER - 2), size=st.integers(1, 64))
@settings(max_examples=20, deadline=None)
def test_an_example_is_augmented_alike_in_any_batch(start, size):
    policy, part = OneOf([Standard(pad=1), Paint(0)], [0.25, 0.75]), slice(start, start + size)
    np.testing.assert_array_equal(augmented(policy, part)[0], augmented(policy)[0][part])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_results_are_the_eager_ones(jit_compile):
    policy, masks = OneOf([Standard(pad=1), Paint(0)], [0.25, 0.75]), IMAGES[..., 0].astype("int32")
    compiled = tf.function(lambda x, y, p, m: policy(x, y, seed=3, positions=p, masks=m), jit_compile=jit_compile)
    for found, wanted in zip(compiled(IMAGES, LABELS, POSITIONS, masks), augmented(policy, masks=masks)):
        np.testing.assert_array_equal(found, wanted)


def test_an_unknown_batch_size_is_possible():
    policy = OneOf([Standard(pad=1), Paint(0)])
    spec = tf.TensorSpec([None, 3, 3, 1], tf.uint8), tf.TensorSpec([None], tf.int64)
    graph = tf.function(lambda x, p: policy(x, seed=3, positions=p), input_signature=spec)
    np.testing.assert_array_equal(graph(IMAGES, POSITIONS), augmented(policy)[0])
    assert graph(IMAGES[:0], POSITIONS[:0]).shape == (0, 3, 3, 1)


def test_one_of_one_is_that_one():
    np.testing.assert_array_equal(augmented(OneOf([Paint(7)], [1.0]))[0], 7)


def test_its_config_makes_it_again():
    made = OneOf(
        [Standard(pad=2, name="in"), Sequence([Standard(pad=1, name="a")], name="b")], [0.25, 0.75], name="mine"
    )
    again = OneOf.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    np.testing.assert_array_equal(augmented(again)[0], augmented(made)[0])


def test_a_saved_model_has_it(tmp_path):
    inputs = keras.Input((8, 6, 3), dtype="uint8")
    keras.Model(inputs, OneOf([Standard(pad=2), Standard()], [0.5, 0.5])(inputs)).save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").layers[1]
    assert (layer.probabilities, layer.augmentations[0].pad) == ([0.5, 0.5], 2)


def test_what_mixes_examples_gets_a_sentence():
    with pytest.raises(RequestError, match="Mixes mixes examples, so it cannot be inside of OneOf"):
        OneOf([Standard(), Mixes()])


@pytest.mark.parametrize(
    ("probabilities", "sentence"),
    [
        ([0.5], r"probabilities must be a list of 2, one for each augmentation, not \[0.5\]"),
        (0.5, "probabilities must be a list of 2, one for each augmentation, not 0.5"),
        ([0.5, 0.4], r"probabilities must sum to 1, but these sum to 0.9: \[0.5, 0.4\]"),
        ([1.5, -0.5], "each of the probabilities must be a number at least 0 and at most 1, not 1.5"),
    ],
)
def test_unusable_probabilities_get_a_sentence(probabilities, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "one_of", "augmentations": ["standard", "standard"], "probabilities": probabilities})
