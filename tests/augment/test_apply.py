"""Apply: for how many examples, and that these are what the augmentation makes of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import Apply, Sequence, Standard
from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

NUMBER = 400
POSITIONS = np.arange(100, 100 + NUMBER, dtype="int64")
IMAGES = np.random.default_rng(0).integers(1, 256, (NUMBER, 8, 6, 3)).astype("uint8")
LABELS = np.arange(NUMBER, dtype="int32")


class Mixes(Augmentation):
    mixes = True


def augmented(policy, part=slice(None), **keywords):
    return policy(IMAGES[part], LABELS[part], seed=3, positions=POSITIONS[part], **keywords)


def chosen(probability):
    return np.asarray(Draws(3, POSITIONS).happens(probability))


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_some_examples_are_augmented_and_the_others_stay(probability):
    inner, draws = Standard(pad=2), Draws(3, POSITIONS)
    draws.uniform()
    all_of_them = np.asarray(inner.transform(Batch(IMAGES), draws).images)
    found = np.asarray(augmented(Apply(inner, probability))[0])
    happens = chosen(probability)
    assert abs(happens.mean() - probability) < 4 * 0.5 / NUMBER**0.5
    np.testing.assert_array_equal(found[happens], all_of_them[happens])
    np.testing.assert_array_equal(found[~happens], IMAGES[~happens])


@pytest.mark.parametrize(("probability", "number"), [(0, 0), (1, NUMBER)])
def test_never_and_always(probability, number):
    images = np.asarray(augmented(Apply(Standard(pad=0, cutout=4), probability))[0])
    assert (images != IMAGES).any(axis=(1, 2, 3)).sum() == number


@given(start=st.integers(0, NUMBER - 2), size=st.integers(1, NUMBER))
@settings(max_examples=20, deadline=None)
def test_an_example_is_augmented_alike_in_any_batch(start, size):
    policy, part = Apply(Standard(), 0.5), slice(start, start + size)
    np.testing.assert_array_equal(augmented(policy, part)[0], augmented(policy)[0][part])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_results_are_the_eager_ones(jit_compile):
    policy, masks = Apply(Standard(cutout=3), 0.5), IMAGES[..., 0].astype("int32")
    compiled = tf.function(lambda x, y, p, m: policy(x, y, seed=3, positions=p, masks=m), jit_compile=jit_compile)
    for found, wanted in zip(compiled(IMAGES, LABELS, POSITIONS, masks), augmented(policy, masks=masks)):
        np.testing.assert_array_equal(found, wanted)


def test_what_follows_draws_the_same_numbers_whatever_was_chosen():
    after = Standard(flip=True, pad=0)
    never = augmented(Sequence([Apply(Standard(), 0.0), after]))[0]
    draws = Draws(3, POSITIONS)
    for _ in range(1 + 3):
        draws.bits()
    flipped = np.asarray(draws.integers(0, 2)) == 1
    np.testing.assert_array_equal(never, np.where(flipped[:, None, None, None], IMAGES[:, :, ::-1], IMAGES))


def test_an_unknown_batch_size_is_possible():
    policy = Apply(Standard(), 0.5)
    spec = tf.TensorSpec([None, 8, 6, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    graph = tf.function(lambda x, p: policy(x, seed=3, positions=p), input_signature=spec)
    np.testing.assert_array_equal(graph(IMAGES, POSITIONS), augmented(policy)[0])
    assert graph(IMAGES[:0], POSITIONS[:0]).shape == (0, 8, 6, 3)


def test_a_config_names_its_augmentation():
    made = augment.get({"name": "apply", "augmentation": {"name": "standard", "pad": 1}, "probability": 0.5})
    assert (made.augmentations[0].pad, made.probability) == (1, 0.5)
    assert augment.get({"name": "apply", "augmentation": "standard", "probability": 1}).augmentations[0].pad == 4


def test_its_config_makes_it_again():
    made = Apply(Standard(pad=2, name="in"), 0.25, name="mine")
    again = Apply.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    np.testing.assert_array_equal(augmented(again)[0], augmented(made)[0])


def test_a_saved_model_has_it(tmp_path):
    inputs = keras.Input((8, 6, 3), dtype="uint8")
    keras.Model(inputs, Apply(Standard(pad=2), 0.5)(inputs)).save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").layers[1]
    assert (layer.probability, layer.augmentations[0].pad) == (0.5, 2)


@pytest.mark.parametrize("inner", [Mixes(), Sequence([Mixes(), Standard()])])
def test_what_mixes_examples_gets_a_sentence(inner):
    with pytest.raises(RequestError, match=f"{type(inner).__name__} mixes examples, so it cannot be inside of Apply"):
        Apply(inner, 0.5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"augmentation": "standard", "probability": 1.5}, "probability must be a number at least 0 and at most 1"),
        (
            {"augmentation": len, "probability": 0.5},
            "Apply takes augmentations such as tt.augment.Standard.., not <built",
        ),
        ({"augmentation": 3, "probability": 0.5}, "an augmentation must be a name, a dict with 'name', or a function"),
        ({"augmentation": "standard"}, "the augmentation 'apply' needs probability"),
    ],
)
def test_unusable_arguments_get_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "apply", **arguments})
