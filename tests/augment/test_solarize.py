"""Solarize: Pillow's, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Solarize
from tf_tricks.augment.functional.levels import solarize
from tf_tricks.errors import RequestError

THRESHOLDS = np.array([0, 1, 60, 100, 128, 255, 256, 300], "float32")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_it_is_pillows(dtype):
    wanted = colours.by_pillow(lambda x, t: ImageOps.solarize(x, int(t)), colours.pictures(), THRESHOLDS)
    np.testing.assert_array_equal(solarize(colours.pictures(dtype), THRESHOLDS, 0.0, 255.0), wanted)


@given(threshold=st.floats(-300, 300, width=32))
@settings(max_examples=20, deadline=None)
def test_whole_numbers_are_compared_as_floats_are(threshold):
    levels, threshold = np.arange(256).reshape(1, 16, 16, 1), np.array([threshold], "float32")
    whole, floats = (np.asarray(solarize(levels.astype(d), threshold, 0.0, 255.0)) for d in ("uint8", "float32"))
    np.testing.assert_array_equal(whole, floats)


def test_another_range_of_values():
    found = solarize(np.array([[[[-1.0], [0.0], [0.5]]]], "float32"), np.array([0.25], "float32"), -1.0, 1.0)
    assert np.ravel(found).tolist() == [-1, 0, -0.5]


def test_a_threshold_is_a_part_of_the_range():
    images = np.array([[[[127], [128]]]])
    for values, value_range in ((images.astype("uint8"), (0, 255)), (images.astype("float32") / 255, (0, 1))):
        layer = Solarize(threshold=0.5, probability=1, value_range=value_range)
        found = layer(values, seed=colours.SEED, positions=np.arange(1))
        np.testing.assert_allclose(found, values[:, :, :1].repeat(2, axis=2), atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x, t: solarize(x, t, 0.0, 255.0), colours.pictures(dtype), THRESHOLDS)
    colours.assert_alike(results, tolerance={"uint8": 0, "float32": 0, "float16": 0}[dtype])


def test_each_example_is_changed_or_not():
    images = colours.pictures()[np.zeros(400, int)]
    found = np.asarray(Solarize(probability=0.3)(images, seed=colours.SEED, positions=np.arange(400)))
    changed = (found != images).any(axis=(1, 2, 3))
    assert abs(changed.mean() - 0.3) < 4 * (0.3 * 0.7 / 400) ** 0.5
    np.testing.assert_array_equal(
        found[changed], np.asarray(solarize(images, np.full(400, 127.5, "float32"), 0.0, 255.0))[changed]
    )


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_with_probability_0_nothing_changes(dtype):
    images = colours.pictures(dtype) / np.array(2, dtype) if dtype == "float32" else colours.pictures(dtype)
    found = Solarize(probability=0)(images, seed=colours.SEED, positions=colours.POSITIONS)
    np.testing.assert_array_equal(found, images)


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Solarize()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
    assert result.shape == images.shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"probability": 1.5}, "probability must be a number at least 0 and at most 1, not 1.5"),
        ({"threshold": 128}, "threshold must be a number at least 0 and at most 1, not 128"),
        ({"threshold": (0.5, 0.2)}, "threshold must be \\(low, high\\) with low at most high"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "solarize", **arguments})
