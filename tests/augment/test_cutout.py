"""Cutout: squares of one size whose centres are uniform over the image."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import Cutout
from tf_tricks.errors import RequestError

SEED = 7
POSITIONS = np.arange(100, 148)


def pictures(shape=(9, 7, 3), dtype="uint8", number=48):
    return np.random.RandomState(0).randint(1, 256, (number, *shape)).astype(dtype)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_pixel_is_the_centre_equally_often(size):
    number, height, width = 4000, 5, 4
    images = np.ones((number, height, width, 1), "uint8")
    cut = np.asarray(Cutout(size)(images, seed=SEED, positions=np.arange(number)))[..., 0] == 0
    cases = {}  # what each centre cuts out, as in the definition
    for y in range(height):
        for x in range(width):
            square = np.zeros((height, width), bool)
            top, left = y - size // 2, x - size // 2
            square[max(0, top) : top + size, max(0, left) : left + size] = True
            cases[square.tobytes()] = cases.get(square.tobytes(), 0) + 1
    found = collections.Counter(square.tobytes() for square in cut)
    assert set(found) == set(cases)
    for square, centres in cases.items():
        assert abs(found[square] / number - centres / 20) < 5 * (centres / 20 / number) ** 0.5


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize("fill_value", [0, 200.0, "noise"])
def test_compiled_by_xla_it_gives_the_same(dtype, fill_value):
    layer, images = Cutout(4, fill_value), pictures(dtype=dtype)
    compiled = tf.function(lambda x, k: layer(x, seed=SEED, positions=k), jit_compile=True)
    cut = layer(images, seed=SEED, positions=POSITIONS)
    np.testing.assert_array_equal(compiled(images, POSITIONS), cut)
    assert np.asarray(cut).dtype == images.dtype


@given(start=st.integers(0, 47), size=st.integers(1, 48))
@settings(max_examples=20)
def test_an_example_is_cut_alike_in_any_batch(start, size):
    part = slice(start, start + size)
    whole = Cutout(4)(pictures(), seed=SEED, positions=POSITIONS)
    np.testing.assert_array_equal(Cutout(4)(pictures()[part], seed=SEED, positions=POSITIONS[part]), whole[part])


def test_an_unknown_batch_size_is_possible():
    spec = tf.TensorSpec([None, 9, 7, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    layer = Cutout(4)
    graph = tf.function(lambda x, k: layer(x, seed=SEED, positions=k), input_signature=spec)
    np.testing.assert_array_equal(graph(pictures(), POSITIONS), layer(pictures(), seed=SEED, positions=POSITIONS))


def test_a_size_of_zero_changes_nothing():
    np.testing.assert_array_equal(Cutout(0)(pictures(), seed=SEED, positions=POSITIONS), pictures())


def test_the_size_changes_no_later_draw():
    both = [{"name": "sequence", "augmentations": [{"name": "cutout", "size": size}, "flip"]} for size in (0, 4)]
    plain, cut = (np.asarray(augment.get(one)(pictures(), seed=SEED, positions=POSITIONS)) for one in both)
    np.testing.assert_array_equal(cut[cut != 0], plain[cut != 0])


def test_labels_and_masks_are_passed_through():
    labels, masks = np.arange(48), pictures()[..., 0]
    _, after, masks_after = Cutout(4)(pictures(), labels, seed=SEED, positions=POSITIONS, masks=masks)
    np.testing.assert_array_equal(after, labels)
    np.testing.assert_array_equal(masks_after, masks)


def test_its_config_makes_it_again():
    made = Cutout(6, fill_value="noise", seed=3)
    assert Cutout.from_config(made.get_config()).get_config() == made.get_config()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": -1}, "size must be an integer at least 0 and at most 32768, not -1"),
        ({"size": 1.5}, "size must be an integer at least 0 and at most 32768, not 1.5"),
        ({"fill_value": "nose"}, "fill_value must be a number or 'noise', not 'nose'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError) as caught:
        augment.get({"name": "cutout", **arguments})
    assert str(caught.value) == sentence
