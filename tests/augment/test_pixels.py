"""Numbers for each pixel: the generator against published words, its two ways against each other, its statistics."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.augment.randomness.pixels import multiply, normal_pixels, philox4x32, uniform_pixels

BOTH = pytest.mark.parametrize("make", [uniform_pixels, normal_pixels])


def numbers(make, positions, shape, seed=3, skip=0, jit_compile=False):
    def draw(positions):
        draws = Draws(seed, positions)
        for _ in range(skip):
            draws.bits()
        return make(draws, shape)

    function = tf.function(draw, jit_compile=True) if jit_compile else draw
    return np.asarray(function(tf.constant(positions)))


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [  # from the authors' known answers
        ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 2, (2**32 - 1,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0xA4093822, 0x299F31D0),
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_known_answers(key, counter, words):
    key, counter = ([np.array([word], "uint32") for word in group] for group in (key, counter))
    assert tuple(int(word[0]) for word in philox4x32(key, counter)) == words


@given(x=st.integers(0, 2**32 - 1), factor=st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_a_product_of_two_words(x, factor):
    high, low = (int(word[0]) for word in multiply(tf.constant([x], tf.uint32), factor))
    assert (high << 32) + low == x * factor


@BOTH
@pytest.mark.parametrize("shape", [(8, 6, 3), (5, 3, 1)])
@pytest.mark.parametrize(
    "positions", [np.arange(9), np.arange(2**40, 2**40 + 9), np.array([5, 2**35, 4, 4]), np.arange(0)]
)
def test_both_ways_give_the_same(make, shape, positions):
    kernel, arithmetic = (numbers(make, positions, shape, jit_compile=jit) for jit in (False, True))
    assert kernel.shape == (len(positions), *shape)
    np.testing.assert_allclose(arithmetic, kernel, rtol=0, atol=1e-5 if make is normal_pixels else 0)


@BOTH
def test_an_example_has_its_numbers_in_any_batch(make):
    whole = numbers(make, np.arange(10, 20), (5, 3, 3))
    for rows in (slice(3, 7), [8, 2, 5]):
        np.testing.assert_allclose(numbers(make, np.arange(10, 20)[rows], (5, 3, 3)), whole[rows], rtol=1e-6)


@BOTH
@pytest.mark.parametrize("change", [{"seed": 4}, {"skip": 1}, {"positions": np.arange(100, 110)}])
def test_seed_draw_and_position_change_all_numbers(make, change):
    settings = {"positions": np.arange(10), "shape": (8, 6, 3)}
    one, other = numbers(make, **settings), numbers(make, **settings | change)
    assert (one != other).mean() > 0.99


@pytest.mark.parametrize("skip", [15, 16, 17])
def test_other_draws_stay_what_they_are(skip):
    plain, mixed = Draws(3, np.arange(4)), Draws(3, np.arange(4))
    for _ in range(skip):
        plain.bits(), mixed.bits()
    plain.bits(), normal_pixels(mixed, (2, 2, 1))
    for _ in range(3):
        np.testing.assert_array_equal(plain.uniform(), mixed.uniform())


def test_uniform_numbers_are_uniform():
    assert scipy.stats.kstest(numbers(uniform_pixels, np.arange(50), (32, 32, 3)).ravel(), "uniform").pvalue > 0.01


@pytest.mark.parametrize("jit_compile", [False, True])
def test_normal_numbers_are_normal(jit_compile):
    values = numbers(normal_pixels, np.arange(50), (32, 32, 3), jit_compile=jit_compile)
    assert scipy.stats.kstest(values.ravel(), "norm").pvalue > 0.01


def test_examples_pixels_and_channels_are_independent():
    values = numbers(normal_pixels, np.arange(64), (16, 16, 4))
    for one, other in [
        (values[:-1], values[1:]),
        (values[:, :-1], values[:, 1:]),
        (values[:, :, :-1], values[:, :, 1:]),
        (values[..., :-1], values[..., 1:]),
        (values[..., ::2], values[..., 1::2]),
    ]:
        for power in (1, 2):
            correlation = np.corrcoef((one**power).ravel(), (other**power).ravel())[0, 1]
            assert abs(correlation) < 4.5 / one.size**0.5


def test_the_next_examples_numbers_do_not_overlap():
    values = numbers(uniform_pixels, np.arange(64), (5, 3, 1))
    assert len(np.unique(values)) > 0.999 * values.size
