"""AugMix against its definition, one image at a time, and its invariances."""

import functools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import AugMix
from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.policies.operations import AUG_MIX, Choice, operate
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

POSITIONS = np.arange(100, 116, dtype="int64")
RANDOM = np.random.default_rng(0)
IMAGES = np.clip(
    120 + 80 * np.sin(np.mgrid[:9, :8].sum(0) / 3)[None, ..., None] + RANDOM.normal(0, 15, (16, 9, 8, 3)), 0, 255
).astype("uint8")
NINE = AugMix.own_operations


def augmented(policy, images=IMAGES, positions=POSITIONS, **keywords):
    return policy(images, seed=3, positions=positions, **keywords)


def reference(image, position, width, depth, severity):
    """The paper's algorithm 1 for one image; the numbers are drawn in the policy's order."""
    draws = Draws(3, np.array([position]))
    weights = np.array([draws.exponential()[0] for _ in range(width)])
    weights, mixed = weights / weights.sum(), float(draws.uniform()[0])
    mix = np.zeros_like(image)
    for weight in weights:
        chain, length = Batch(image[None]), int(draws.integers(1, depth + 1)[0])
        for step in range(depth):
            choice = Choice(draws.integers(0, 9), draws.sign(), draws.uniform(0.01, severity / 10))
            if step < length:
                chain = operate(chain, choice, NINE, AUG_MIX, (0.0, 255.0))
        mix += weight * np.asarray(chain.images)[0]
    return (1 - mixed) * image + mixed * mix


@pytest.mark.parametrize(("width", "depth", "severity"), [(3, 3, 3), (1, 2, 10), (2, 1, 0.1)])
def test_it_is_the_papers_algorithm(width, depth, severity):
    images = IMAGES[:8].astype("float32")
    found = augmented(AugMix(width, depth, severity), images, POSITIONS[:8])
    wanted = [reference(*pair, width, depth, severity) for pair in zip(images, POSITIONS)]
    np.testing.assert_allclose(found, wanted, atol=0.02)


def test_the_part_of_the_mix_is_uniform():
    """Solarized at magnitude 0.1 … 1, 255 becomes 0: what is left of it is 1 − m."""
    number = 2000
    policy = AugMix(width=3, depth=1, severity=10, operations=["solarize"])
    left = np.asarray(augmented(policy, np.full((number, 1, 1, 1), 255, "float32"), np.arange(number))).ravel() / 255
    assert scipy.stats.kstest(left, "uniform").pvalue > 0.01


@given(start=st.integers(0, 14), size=st.integers(1, 16))
@settings(max_examples=20, deadline=None)
def test_an_example_is_augmented_alike_in_any_batch(start, size):
    part = slice(start, start + size)
    np.testing.assert_array_equal(of_any_size()(IMAGES[part], POSITIONS[part]), of_any_size()(IMAGES, POSITIONS)[part])


@functools.cache
def of_any_size():
    policy = AugMix()
    spec = tf.TensorSpec([None, 9, 8, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    return tf.function(lambda x, p: augmented(policy, x, p), input_signature=spec)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_xla_gives_the_same(dtype):
    images, policy = IMAGES.astype(dtype), AugMix(width=2, depth=2)
    found = tf.function(lambda x, p: augmented(policy, x, p), jit_compile=True)(images, POSITIONS)
    wanted = np.asarray(augmented(policy, images), "float64")
    np.testing.assert_allclose(np.asarray(found, "float64"), wanted, rtol=0, atol=1 if dtype == "uint8" else 0.02)


def test_an_unknown_batch_size_is_possible():
    # A graph may compute in another order than eager mode, so that a tie is rounded to the other side.
    np.testing.assert_allclose(
        np.int32(of_any_size()(IMAGES, POSITIONS)), np.int32(augmented(AugMix())), rtol=0, atol=1
    )
    assert of_any_size()(IMAGES[:0], POSITIONS[:0]).shape == (0, 9, 8, 3)


def test_of_the_identity_only_nothing_changes():
    np.testing.assert_array_equal(augmented(AugMix(operations=["identity"])), IMAGES)


def test_images_in_another_range_are_augmented_alike():
    made = augmented(AugMix(value_range=(0, 1)), (IMAGES / 255).astype("float32"))
    wanted = augmented(AugMix(value_range=(0, 255)), IMAGES.astype("float32"))
    np.testing.assert_allclose(np.asarray(made) * 255, wanted, atol=0.02)


def test_masks_cannot_follow_but_stay_where_nothing_moves():
    masks = (IMAGES[..., 0] // 64).astype("int32")
    with pytest.raises(RequestError, match="images that shear_x has moved apart, so that no mask can follow"):
        augmented(AugMix(), masks=masks)
    _, _, kept = augmented(AugMix(operations=["solarize", "equalize"]), masks=masks)
    np.testing.assert_array_equal(kept, masks)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"width": 0}, "width must be an integer at least 1, not 0"),
        ({"depth": 1.5}, "depth must be an integer at least 1, not 1.5"),
        ({"severity": 0}, "severity must be a number at least 0.1 and at most 10, not 0"),
        ({"operations": ["blur"]}, "there is no operation 'blur'"),
    ],
)
def test_unusable_arguments_get_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "aug_mix", **arguments})


def test_its_config_makes_it_again():
    made = AugMix(2, 4, 1.5, ["rotate", "color"], value_range=(0, 1), name="mine")
    again = AugMix.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    assert (again.width, again.depth, again.severity, again.operations) == (2, 4, 1.5, ("rotate", "color"))
