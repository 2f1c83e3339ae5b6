"""RandAugment: which operations it draws, and its invariances. What they do is in test_operations.py."""

import functools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import RandAugment
from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.policies.operations import OPERATIONS, RAND_AUGMENT, Choice, operate
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

POSITIONS = np.arange(100, 148, dtype="int64")
RANDOM = np.random.default_rng(0)
IMAGES = np.clip(
    120 + 80 * np.sin(np.mgrid[:9, :8].sum(0) / 3)[None, ..., None] + RANDOM.normal(0, 15, (48, 9, 8, 3)), 0, 255
).astype("uint8")


def augmented(policy, images=IMAGES, positions=POSITIONS, **keywords):
    return policy(images, seed=3, positions=positions, **keywords)


def test_all_operations_and_signs_are_equally_likely():
    number = 5600
    image = IMAGES[:4].reshape(1, 18, 16, 3).astype("float32")  # large enough for equalize
    choices = [
        Choice(*(np.full(1, x, d) for x, d in ((n, "int32"), (s, "f"), (1.0, "f")))) for n in range(14) for s in (-1, 1)
    ]
    results = [
        np.asarray(operate(Batch(image), choice, OPERATIONS, RAND_AUGMENT, (0, 255)).images) for choice in choices
    ]
    policy = RandAugment(num_layers=1, magnitude=30)
    made = np.asarray(augmented(policy, np.repeat(image, number, axis=0), np.arange(number)))
    distances = np.stack([np.abs(made - np.asarray(result)).max(axis=(1, 2, 3)) for result in results])
    assert (distances.min(axis=0) < 0.01).all()
    counts = np.bincount(np.argmin(distances, axis=0), minlength=28).reshape(14, 2)
    assert scipy.stats.chisquare(counts.sum(axis=1)).pvalue > 0.01
    signed = counts[counts.min(axis=1) > 0]
    assert len(signed) == 9
    assert scipy.stats.chisquare(signed.ravel()).pvalue > 0.01


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_layers_are_applied_one_after_the_other_and_each_is_rounded_in_whole_numbers(dtype):
    policy, draws = RandAugment(num_layers=3, magnitude=20, value_range=(0, 255)), Draws(3, POSITIONS)
    images = IMAGES.astype(dtype)
    layers = images.astype("float32")
    for _ in range(3):
        number, sign = draws.integers(0, 14), draws.sign()
        choice = Choice(number, sign, np.full(48, 20 / 30, "float32"))
        layers = np.asarray(operate(Batch(layers), choice, OPERATIONS, RAND_AUGMENT, (0.0, 255.0)).images)
        if dtype == "uint8":
            layers = np.clip(np.round(layers), 0, 255)
    # Contrast and brightness are computed in fixed point for uint8, so that halves may be rounded to the other side.
    np.testing.assert_allclose(np.asarray(augmented(policy, images), "float32"), layers, rtol=0, atol=1.0)


@given(start=st.integers(0, 46), size=st.integers(1, 48))
@settings(max_examples=20, deadline=None)
def test_an_example_is_augmented_alike_in_any_batch(start, size):
    part = slice(start, start + size)
    np.testing.assert_array_equal(of_any_size()(IMAGES[part], POSITIONS[part]), of_any_size()(IMAGES, POSITIONS)[part])


@functools.cache
def of_any_size():
    policy = RandAugment(magnitude=20)
    spec = tf.TensorSpec([None, 9, 8, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    return tf.function(lambda x, p: augmented(policy, x, p), input_signature=spec)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_xla_gives_the_same(dtype):
    images = IMAGES.astype(dtype)
    masks = (IMAGES[..., 0] // 64).astype("int32")
    policy = RandAugment(magnitude=20, fill_value=128.0)

    def call(x, p, m):
        return augmented(policy, x, p, masks=m)

    found, _, moved = tf.function(call, jit_compile=True)(images, POSITIONS, masks)
    wanted, _, masks = call(images, POSITIONS, masks)
    np.testing.assert_allclose(
        np.asarray(found, "float64"), np.asarray(wanted, "float64"), rtol=0, atol=1 if dtype == "uint8" else 0.02
    )
    assert np.mean(np.asarray(moved) != np.asarray(masks)) < 1e-3  # ties of the nearest pixel


def test_an_unknown_batch_size_is_possible():
    # A graph may compute in another order than eager mode, so that a tie is rounded to the other side.
    np.testing.assert_allclose(
        np.int32(of_any_size()(IMAGES, POSITIONS)), np.int32(augmented(RandAugment(magnitude=20))), rtol=0, atol=1
    )
    assert of_any_size()(IMAGES[:0], POSITIONS[:0]).shape == (0, 9, 8, 3)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 0.2), ("bfloat16", 1.1)])
def test_half_precision_is_computed_in_float32(dtype, tolerance):
    policy = RandAugment(magnitude=20)
    made = augmented(policy, tf.cast(IMAGES, dtype))
    assert made.dtype == dtype
    wanted = augmented(policy, IMAGES.astype("float32"))
    np.testing.assert_allclose(tf.cast(made, "float32"), wanted, rtol=0, atol=tolerance)


def test_images_in_another_range_are_augmented_alike():
    made = augmented(RandAugment(magnitude=20, value_range=(0, 1)), (IMAGES / 255).astype("float32"))
    wanted = augmented(RandAugment(magnitude=20, value_range=(0, 255)), IMAGES.astype("float32"))
    np.testing.assert_allclose(np.asarray(made) * 255, wanted, atol=0.02)


def test_the_identity_and_magnitude_0_change_nothing():
    same = [name for name in OPERATIONS if name not in ("autocontrast", "equalize")]
    np.testing.assert_array_equal(augmented(RandAugment(magnitude=0, operations=same)), IMAGES)
    np.testing.assert_array_equal(augmented(RandAugment(operations=["identity"])), IMAGES)


def test_the_magnitude_is_counted_in_bins():
    one, other = RandAugment(magnitude=3, num_magnitude_bins=11), RandAugment(magnitude=9, num_magnitude_bins=31)
    np.testing.assert_array_equal(augmented(one), augmented(other))


def test_masks_move_as_images_do():
    policy = RandAugment(magnitude=20, operations=["translate_x", "translate_y", "brightness"], mask_fill_value=0)
    masks = IMAGES.astype("int32")
    images, _, moved = augmented(policy, np.full_like(IMAGES, 100), masks=masks)
    _, _, again = augmented(policy, np.ones_like(IMAGES), masks=masks[..., 0])
    assert (np.asarray(moved) != masks).any()
    np.testing.assert_array_equal(again, np.asarray(moved)[..., 0])
    np.testing.assert_array_equal(
        (np.asarray(images) == 0).any(axis=(1, 2, 3)), (np.asarray(moved) == 0).any((1, 2, 3))
    )


def test_floats_outside_of_the_value_range_get_a_sentence():
    with pytest.raises(RequestError, match=r"RandAugment takes floats from 0 to 1 \(value_range\), not "):
        augmented(RandAugment(value_range=(0, 1)), IMAGES.astype("float32"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"magnitude": 31}, "magnitude must be a number at least 0 and at most 30, not 31"),
        ({"magnitude": -1}, "magnitude must be a number at least 0 and at most 30, not -1"),
        ({"num_layers": 0}, "num_layers must be an integer at least 1, not 0"),
        ({"num_magnitude_bins": 1}, "num_magnitude_bins must be an integer at least 2, not 1"),
        ({"operations": ["sheer_x"]}, "there is no operation 'sheer_x'; did you mean 'shear_x'"),
        ({"layers": 2}, "there is no argument of the augmentation 'rand_augment' called 'layers'"),
    ],
)
def test_unusable_arguments_get_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "rand_augment", **arguments})


def test_its_config_makes_it_again():
    made = RandAugment(3, 4.5, 11, ["rotate", "color"], fill_value=9.0, value_range=(0, 1), name="mine")
    again = RandAugment.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    assert (again.num_layers, again.magnitude, again.num_magnitude_bins) == (3, 4.5, 11)
    assert again.operations == ("rotate", "color")
