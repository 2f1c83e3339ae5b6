"""TrivialAugment: its magnitudes, and its invariances. What the operations do is in test_operations.py."""

import functools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import TrivialAugment
from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.policies.operations import OPERATIONS, TRIVIAL_AUGMENT, Choice, operate
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

POSITIONS = np.arange(100, 164, dtype="int64")
RANDOM = np.random.default_rng(0)
IMAGES = np.clip(
    120 + 80 * np.sin(np.mgrid[:9, :8].sum(0) / 3)[None, ..., None] + RANDOM.normal(0, 15, (64, 9, 8, 3)), 0, 255
).astype("uint8")


def augmented(policy, images=IMAGES, positions=POSITIONS, **keywords):
    return policy(images, seed=3, positions=positions, **keywords)


def test_it_is_one_operation_of_the_wide_space():
    draws = Draws(3, POSITIONS)
    number, sign, bins = draws.integers(0, 14), draws.sign(), draws.integers(0, 31)
    choice = Choice(number, sign, np.asarray(bins).astype("float32") * np.float32(1 / 30))
    wanted = operate(Batch(IMAGES.astype("float32")), choice, OPERATIONS, TRIVIAL_AUGMENT, (0.0, 255.0)).images
    np.testing.assert_array_equal(augmented(TrivialAugment()), np.clip(np.round(wanted), 0, 255))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_it_moves_by_up_to_32_pixels_whatever_the_size(sign):
    image = np.arange(1, 41, dtype="float32").reshape(1, 1, 40, 1)
    choice = Choice(np.zeros(1, "int32"), np.full(1, sign, "float32"), np.ones(1, "float32"))
    moved = operate(Batch(image), choice, ("translate_x",), TRIVIAL_AUGMENT, (0.0, 255.0)).images
    wanted = np.zeros(40)
    if sign > 0:
        wanted[32:] = image.ravel()[:8]
    else:
        wanted[:8] = image.ravel()[32:]
    np.testing.assert_allclose(np.asarray(moved).ravel(), wanted, atol=1e-4)


def test_all_magnitudes_and_signs_are_equally_likely():
    number = 6000
    policy = TrivialAugment(num_magnitude_bins=11, operations=["brightness"])
    images = np.full((number, 1, 1, 1), 100, "float32")
    found = np.asarray(augmented(policy, images, np.arange(number))).ravel()
    level = np.round((found / 100 - 1) / 0.099).astype(int)
    np.testing.assert_allclose(found, 100 * (1 + 0.099 * level), rtol=1e-4)
    counts = np.bincount(level + 10, minlength=21).astype(float)
    wanted = np.full(21, number / 22)
    wanted[10] *= 2  # no magnitude, with either sign
    assert scipy.stats.chisquare(counts, wanted).pvalue > 0.01


@given(start=st.integers(0, 62), size=st.integers(1, 64))
@settings(max_examples=20, deadline=None)
def test_an_example_is_augmented_alike_in_any_batch(start, size):
    part = slice(start, start + size)
    np.testing.assert_array_equal(of_any_size()(IMAGES[part], POSITIONS[part]), of_any_size()(IMAGES, POSITIONS)[part])


@functools.cache
def of_any_size():
    policy = TrivialAugment()
    spec = tf.TensorSpec([None, 9, 8, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    return tf.function(lambda x, p: augmented(policy, x, p), input_signature=spec)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_xla_gives_the_same(dtype):
    images, policy = IMAGES.astype(dtype), TrivialAugment(fill_value=128.0)
    found = tf.function(lambda x, p: augmented(policy, x, p), jit_compile=True)(images, POSITIONS)
    wanted = np.asarray(augmented(policy, images), "float64")
    np.testing.assert_allclose(np.asarray(found, "float64"), wanted, rtol=0, atol=1 if dtype == "uint8" else 0.02)


def test_xla_turns_masks_by_more_than_a_right_angle_alike():
    policy, masks = TrivialAugment(operations=["rotate", "shear_y"]), (IMAGES[..., 0] // 64).astype("int32")

    def call(x, p, m):
        return augmented(policy, x, p, masks=m)[2]

    found = tf.function(call, jit_compile=True)(IMAGES, POSITIONS, masks)
    assert np.mean(np.asarray(found) != np.asarray(call(IMAGES, POSITIONS, masks))) < 2e-3  # ties of the nearest pixel


def test_an_unknown_batch_size_is_possible():
    # A graph may compute in another order than eager mode, so that a tie is rounded to the other side.
    np.testing.assert_allclose(
        np.int32(of_any_size()(IMAGES, POSITIONS)), np.int32(augmented(TrivialAugment())), rtol=0, atol=1
    )
    assert of_any_size()(IMAGES[:0], POSITIONS[:0]).shape == (0, 9, 8, 3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"num_magnitude_bins": 1},
            "num_magnitude_bins must be an integer at least 2 and at most 65536, not 1",
        ),
        ({"operations": ["colour"]}, "there is no operation 'colour'; did you mean 'color'"),
        ({"magnitude": 9}, "there is no argument of the augmentation 'trivial_augment' called 'magnitude'"),
    ],
)
def test_unusable_arguments_get_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "trivial_augment", **arguments})


def test_its_config_makes_it_again():
    made = TrivialAugment(21, ["rotate", "color"], fill_value=9.0, value_range=(0, 1), name="mine")
    again = TrivialAugment.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    assert (again.num_magnitude_bins, again.operations) == (21, ("rotate", "color"))
