"""CutMix: rectangles, their area, and masks."""

import numpy as np
import pytest
import tensorflow as tf

from tf_tricks.augment import CutMix

SEED = 7


def pasted(number=2000, sides=(12, 10), alpha=1.0):
    """Where each image shows its partner, bool [number, height, width]; and the weight of its own label."""
    images = np.tile(np.array([0, 1], "uint8").reshape(2, 1, 1, 1), (number // 2, *sides, 1))
    labels = np.tile([0, 1], number // 2)
    after, soft = CutMix(alpha, num_classes=2)(images, labels, seed=SEED, positions=np.arange(number))
    return (np.asarray(after) != images)[..., 0], np.asarray(soft)[np.arange(number), labels]


def test_it_is_one_rectangle():
    shown, _ = pasted()
    np.testing.assert_array_equal(shown, shown.any(axis=2)[:, :, None] & shown.any(axis=1)[:, None, :])


def test_labels_are_mixed_by_area():
    shown, weights = pasted()
    np.testing.assert_allclose(weights, 1 - shown.mean(axis=(1, 2)), atol=1e-6)


def test_sides_are_those_of_lambda():
    """Rectangles inside of the image have √(1 − λ) of both sides, λ uniform."""
    shown, _ = pasted(sides=(40, 40))
    rows, columns = shown.any(axis=2), shown.any(axis=1)
    inner = ~(rows[:, 0] | rows[:, -1] | columns[:, 0] | columns[:, -1]) & rows.any(axis=1)
    assert inner.sum() > 100
    np.testing.assert_array_equal(rows.sum(axis=1)[inner], columns.sum(axis=1)[inner])


def test_the_middle_is_covered_as_often_as_the_area_says():
    """A centre uniform over the image covers the middle pixel with probability side²: E(1 − λ) = 1/2 with α = 1."""
    shown, _ = pasted(number=4000, sides=(41, 41))
    small_enough = shown[:, 20, 20].mean()
    rng = np.random.default_rng(0)
    part = np.round(np.sqrt(rng.uniform(size=200_000)) * 41).astype(int)
    centres = rng.integers(0, 41, (2, 200_000))
    starts = centres - part // 2
    wanted = ((starts <= 20) & (20 < starts + part)).all(axis=0).mean()
    assert abs(small_enough - wanted) < 4 * 0.5 / 4000**0.5


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("layers", [(), (2,)])
def test_masks_are_pasted_like_images(jit_compile, layers):
    images = np.random.RandomState(0).randint(0, 256, (8, 6, 5, 1)).astype("uint8")
    masks = np.broadcast_to(images if layers else images[..., 0], (8, 6, 5, *layers)).astype("int32")
    layer = CutMix(num_classes=3)

    def augment(images, labels, masks):
        return layer(images, labels, seed=SEED, positions=np.arange(8), masks=masks)

    after, _, masks_after = tf.function(augment, jit_compile=jit_compile)(images, np.arange(8) % 3, masks)
    assert masks_after.shape == masks.shape
    after = np.asarray(after)
    np.testing.assert_array_equal(masks_after, np.broadcast_to(after if layers else after[..., 0], masks.shape))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_values_and_dtype_are_kept(dtype):
    images = np.random.RandomState(0).randint(0, 256, (8, 6, 5, 3)).astype(dtype)
    after, _ = CutMix(num_classes=3)(images, np.arange(8) % 3, seed=SEED, positions=np.arange(8))
    after, partner = np.asarray(after), images[np.arange(8) ^ 1]
    assert after.dtype == dtype
    assert ((after == images) | (after == partner)).all()
