"""Random erasing against a loop in NumPy, and its distribution."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import RandomErasing
from tf_tricks.augment.functional.rectangles import erase
from tf_tricks.errors import RequestError

SEED = 7
POSITIONS = np.arange(2**33 + 100, 2**33 + 148)


def pictures(shape=(9, 7, 3), dtype="uint8", number=48):
    return np.random.RandomState(0).randint(1, 256, (number, *shape)).astype(dtype)


def painted(images, rectangles, fill_value):
    """One image at a time."""
    result = images.copy()
    for image, (top, left, height, width) in zip(result, np.transpose(rectangles)):
        image[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = fill_value
    return result


@given(st.data())
@settings(max_examples=20)
def test_erase_is_the_loop(data):
    number = data.draw(st.integers(0, 5))
    whole = st.lists(st.integers(-4, 12), min_size=number, max_size=number)
    size = st.lists(st.integers(0, 12), min_size=number, max_size=number)
    rectangles = [np.array(data.draw(each), "int32") for each in (whole, whole, size, size)]
    images = pictures(number=number)
    np.testing.assert_array_equal(erase(images, *rectangles, 17), painted(images, rectangles, 17))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize("fill_value", [0, 200.0, "noise"])
def test_compiled_by_xla_it_gives_the_same(dtype, fill_value):
    layer, images = RandomErasing(fill_value=fill_value), pictures(dtype=dtype)
    compiled = tf.function(lambda x, k: layer(x, seed=SEED, positions=k), jit_compile=True)
    erased = layer(images, seed=SEED, positions=POSITIONS)
    np.testing.assert_array_equal(compiled(images, POSITIONS), erased)
    assert np.asarray(erased).dtype == images.dtype


def erased_rectangles(number=2000, side=40, **arguments):
    """Top, left, height and width of what was erased, for those that were."""
    images = np.ones((number, side, side, 1), "uint8")
    erased = np.asarray(RandomErasing(**arguments)(images, seed=SEED, positions=np.arange(number)))[..., 0] == 0
    erased = erased[erased.any(axis=(1, 2))]
    rows, columns = erased.any(axis=2), erased.any(axis=1)
    assert (erased == rows[:, :, None] & columns[:, None, :]).all()
    return rows.argmax(1), columns.argmax(1), rows.sum(1), columns.sum(1)


def test_its_probability():
    top, *_ = erased_rectangles(probability=0.3)
    assert abs(len(top) / 2000 - 0.3) < 4 * (0.3 * 0.7 / 2000) ** 0.5


def test_area_and_shape_are_in_their_ranges():
    _, _, height, width = erased_rectangles(probability=1, scale=(0.1, 0.3), ratio=(0.5, 2))
    area, ratio = height * width / 1600, height / width
    assert 0.09 < area.min() < 0.12 < 0.28 < area.max() < 0.32
    assert 0.45 < ratio.min() < 0.55 < 1.8 < ratio.max() < 2.2


def test_tall_and_wide_are_equally_likely():
    _, _, height, width = erased_rectangles(probability=1)
    assert abs((height > width).mean() - (width > height).mean()) < 4 / 2000**0.5


def test_every_place_inside_is_equally_likely():
    top, left, height, width = erased_rectangles(probability=1, scale=(0.25, 0.25), ratio=(1, 1))
    assert set(height) == set(width) == {20}
    for start in (top, left):
        counts = np.bincount(start, minlength=21)
        expected = len(start) / 21
        assert ((counts - expected) ** 2 / expected).sum() < 50  # χ² with 20 degrees of freedom: p < 0.001


def test_noise_is_uniform_over_the_range():
    images = np.zeros((50, 32, 32, 3), "float32")
    layer = RandomErasing(1, scale=(1, 1), ratio=(1, 1), fill_value="noise", value_range=(-1, 3))
    values = np.asarray(layer(images, seed=SEED, positions=np.arange(50)))
    assert -1 <= values.min() < -0.99 < 2.99 < values.max() <= 3
    assert abs(values.mean() - 1) < 4 * (16 / 12 / values.size) ** 0.5


@given(start=st.integers(0, 47), size=st.integers(1, 48))
@settings(max_examples=20)
def test_an_example_is_erased_alike_in_any_batch(start, size):
    layer, part = RandomErasing(fill_value="noise"), slice(start, start + size)
    whole = layer(pictures(), seed=SEED, positions=POSITIONS)
    erased = layer(pictures()[part], seed=SEED, positions=POSITIONS[part])
    np.testing.assert_array_equal(erased, whole[part])


def test_an_unknown_batch_size_is_possible():
    spec = tf.TensorSpec([None, 9, 7, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    layer = RandomErasing(fill_value="noise")
    graph = tf.function(lambda x, k: layer(x, seed=SEED, positions=k), input_signature=spec)
    for number in (0, 1, 48):
        images = pictures()[:number]
        erased = layer(images, seed=SEED, positions=POSITIONS[:number])
        np.testing.assert_array_equal(graph(images, POSITIONS[:number]), erased)


def test_a_probability_of_zero_changes_nothing():
    layer = RandomErasing(probability=0)
    np.testing.assert_array_equal(layer(pictures(), seed=SEED, positions=POSITIONS), pictures())


def test_labels_and_masks_are_passed_through():
    labels, masks = np.arange(48), pictures()[..., 0]
    _, after, masks_after = RandomErasing(1)(pictures(), labels, seed=SEED, positions=POSITIONS, masks=masks)
    np.testing.assert_array_equal(after, labels)
    np.testing.assert_array_equal(masks_after, masks)


def test_its_config_makes_it_again():
    made = RandomErasing(0.25, (0.1, 0.2), (0.5, 2), "noise", seed=3)
    assert RandomErasing.from_config(made.get_config()).get_config() == made.get_config()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"probability": 2}, "probability must be a number at least 0 and at most 1, not 2"),
        ({"scale": 0.5}, "scale must be a pair of numbers (low, high), not 0.5"),
        ({"scale": (0.5, 0.2)}, "scale must be (low, high) with low at most high, not (0.5, 0.2)"),
        ({"ratio": (0, 1)}, "ratio must be a number above 0, not 0.0"),
        ({"fill_value": "nose"}, "fill_value must be a number or 'noise', not 'nose'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError) as caught:
        augment.get({"name": "random_erasing", **arguments})
    assert str(caught.value) == sentence
