"""DropBlock: the paper's γ, blocks inside the map, scaling by what is kept."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from support.masks import assert_fraction, assert_independent, compiled, objective_outputs, to_numpy, with_one_mask

from tf_tricks.errors import RequestError
from tf_tricks.layers.drop_block import DropBlock2D, block_rate

sizes = st.tuples(st.integers(1, 5), st.integers(0, 6), st.integers(0, 6))  # block, and what height and width exceed it


def gamma(rate, block, height, width):
    """Equation 1 of the paper."""
    valid = (height - block + 1) * (width - block + 1)
    return (rate / block**2) * (height * width / valid)


@given(rate=st.floats(0.01, 0.99), seed=st.integers(0, 1000), sizes=sizes)
@settings(max_examples=25)
def test_training_is_algorithm_1_of_the_paper(rate, seed, sizes):
    block, height, width = sizes[0], sizes[0] + sizes[1], sizes[0] + sizes[2]
    x = np.random.default_rng(seed).normal(size=(2, height, width, 3))
    (y,) = with_one_mask(DropBlock2D(rate, block, seed, dtype="float64"), x)
    rows, columns = height - block + 1, width - block + 1
    draws = keras.random.uniform((2, rows, columns, 3), dtype="float32", seed=keras.random.SeedGenerator(seed))
    mask = np.ones_like(x)
    for b, i, j, c in np.argwhere(to_numpy(draws) < np.float32(gamma(rate, block, height, width))):
        mask[b, i : i + block, j : j + block, c] = 0
    expected = np.stack([xs * ms * ms.size / max(ms.sum(), 1) for xs, ms in zip(x, mask)])
    np.testing.assert_allclose(y, expected, rtol=1e-6)


@given(rate=st.floats(0, 0.999), sizes=sizes)
@settings(max_examples=25)
def test_the_rate_of_blocks_is_a_probability(rate, sizes):
    block, height, width = sizes[0], sizes[0] + sizes[1], sizes[0] + sizes[2]
    assert block_rate(rate, block, height, width) == pytest.approx(gamma(rate, block, height, width), rel=1e-12)
    assert 0 <= block_rate(rate, block, height, width) <= 1


def dropped(layer, *shape):
    """What is dropped of each map, bool [examples · channels, h, w]."""
    y = to_numpy(layer(ops.ones(shape, layer.compute_dtype), training=True)) == 0
    return np.moveaxis(y, 3, 1).reshape(-1, *shape[1:3])


def test_what_is_dropped_is_made_of_blocks_inside_the_map():
    for mask in dropped(DropBlock2D(0.2, 3, seed=1), 8, 7, 9, 4):
        covered = np.zeros_like(mask)
        for i in range(5):
            for j in range(7):
                covered[i : i + 3, j : j + 3] |= mask[i : i + 3, j : j + 3].all()
        np.testing.assert_array_equal(mask, covered)


@pytest.mark.parametrize(("block", "height", "width"), [(3, 7, 9), (2, 6, 6), (4, 4, 5)])
def test_every_unit_is_dropped_as_often_as_its_blocks_say(block, height, width):
    masks = dropped(DropBlock2D(0.3, block, seed=1), 100, height, width, 50)
    rows = [[i <= h < i + block for h in range(height)] for i in range(height - block + 1)]
    columns = [[j <= w < j + block for w in range(width)] for j in range(width - block + 1)]
    blocks = np.outer(np.sum(rows, axis=0), np.sum(columns, axis=0))  # that cover each unit
    probability = 1 - (1 - gamma(0.3, block, height, width)) ** blocks
    bound = 5 * np.sqrt(probability * (1 - probability) / len(masks))
    assert np.all(abs(masks.mean(axis=0) - probability) < bound)


def test_block_size_one_drops_units_at_the_rate():
    assert_fraction(dropped(DropBlock2D(0.25, 1, seed=1), 20, 10, 10, 10), 0.25)


def test_a_block_as_large_as_the_map_drops_channels_at_the_rate():
    masks = dropped(DropBlock2D(0.25, 4, seed=1), 100, 4, 4, 40)
    np.testing.assert_array_equal(masks.all(axis=(1, 2)), masks.any(axis=(1, 2)))
    assert_fraction(masks[:, 0, 0], 0.25)


def test_examples_channels_and_calls_are_independent():
    layer = DropBlock2D(0.3, 3, seed=1)
    masks = [dropped(layer, 100, 3, 3, 40)[:, 0, 0].reshape(100, 40) for _ in range(2)]
    assert_independent(masks[0], masks[1], 0.3)
    assert_independent(masks[0][1:], masks[0][:-1], 0.3)
    assert_independent(masks[0][:, 1:], masks[0][:, :-1], 0.3)


def test_ones_keep_their_mean():
    y = to_numpy(DropBlock2D(0.3, 3, seed=1)(np.ones((20, 8, 8, 16)), training=True))
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), np.ones(20), rtol=1e-6)


def test_at_test_time_it_is_the_identity():
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(DropBlock2D(0.9)(x), x)


def test_rate_zero_is_the_identity():
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(DropBlock2D(0)(x, training=True), x)


@pytest.mark.parametrize("block", [1, 3, 8])
def test_rate_one_gives_zeros(block):
    y = DropBlock2D(1, block)(np.ones((2, 8, 8, 3), "float32"), training=True)
    np.testing.assert_array_equal(y, np.zeros((2, 8, 8, 3)))


def test_an_example_that_is_dropped_whole_is_zero():
    y = to_numpy(DropBlock2D(0.9, 2, seed=1)(np.ones((50, 2, 2, 1)), training=True))
    assert set(np.unique(y)) == {0.0, 1.0}


def test_a_batch_of_one():
    assert_fraction(dropped(DropBlock2D(0.5, 1, seed=1), 1, 30, 30, 4), 0.5)


def test_the_same_seed_gives_the_same_masks():
    ones = np.ones((4, 8, 8, 3))
    np.testing.assert_array_equal(*[DropBlock2D(0.5, 3, seed=2)(ones, training=True) for _ in range(2)])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_bfloat16"])
def test_half_precision(dtype):
    layer = DropBlock2D(0.1, 5, seed=1, dtype=dtype)
    x = np.ones((20, 9, 9, 16))
    y = layer(ops.convert_to_tensor(x, layer.compute_dtype), training=True)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    np.testing.assert_allclose(to_numpy(y), DropBlock2D(0.1, 5, seed=1)(x, training=True), rtol=2**-7)


def test_under_xla():
    y = compiled(DropBlock2D(0.3, 4, seed=1))(ops.ones((100, 4, 4, 40))).numpy()
    assert_fraction(y[:, 0, 0] == 0, 0.3)
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), np.ones(100), rtol=1e-6)


def test_the_batch_may_be_of_unknown_size():
    import tensorflow as tf

    layer = DropBlock2D(0.3, 3)
    call = tf.function(lambda x: layer(x, training=True), input_signature=[tf.TensorSpec([None, 6, 6, 2])])
    assert call(tf.ones((5, 6, 6, 2))).shape == (5, 6, 6, 2)


def test_micro_batches_of_the_trainer_have_their_own_masks():
    one, again, other = objective_outputs(DropBlock2D(0.5, 2), (4, 2, 2, 500), [8, 8, 12])
    np.testing.assert_array_equal(one, again)
    assert_independent(one[:, 0, 0] > 0, other[:, 0, 0] > 0, 0.5)


@pytest.mark.parametrize("shape", [(2, 6, 8, 3), (2, 8, 6, 3), (2, None, 6, 3)])
def test_a_block_larger_than_the_map_gets_a_sentence(shape):
    with pytest.raises(RequestError, match=r"block_size must be at most 6, the smaller side of the maps .*, not 7"):
        DropBlock2D(0.1, 7).build(shape)


def test_inputs_that_are_no_maps_get_a_sentence():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=2"):
        DropBlock2D(0.1, 3)(np.ones((2, 6)))


def test_maps_of_unknown_size_get_a_sentence():
    import tensorflow as tf

    layer = DropBlock2D(0.1, 3)
    shape = tf.TensorSpec([2, None, None, 1])
    call = tf.function(lambda x: layer(x, training=True), input_signature=[shape], autograph=False)
    with pytest.raises(RequestError, match="height and width are known"):
        call(tf.ones((2, 6, 6, 1)))


@pytest.mark.parametrize("arguments", [dict(rate=1.5), dict(rate=0.1, block_size=0), dict(rate=0.1, block_size=2.5)])
def test_numbers_out_of_range_get_a_sentence(arguments):
    with pytest.raises(RequestError, match="must be"):
        DropBlock2D(**arguments)
