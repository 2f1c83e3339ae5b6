"""Threefry against its published answers and against a reference in Python's integers."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.augment import random
from tf_tricks.errors import RequestError

words = st.integers(0, 2**32 - 1)
POSITIONS = np.arange(20_000, dtype="int64")


def reference(key, counter):
    """Threefry-2x32-20 as in Salmon et al. 2011, in integers modulo 2³²."""
    keys = [key[0], key[1], 0x1BD11BDA ^ key[0] ^ key[1]]
    x = [(counter[i] + keys[i]) % 2**32 for i in (0, 1)]
    for i in range(20):
        distance = (13, 15, 26, 6, 17, 29, 16, 24)[i % 8]
        x[0] = (x[0] + x[1]) % 2**32
        x[1] = ((x[1] << distance) | (x[1] >> (32 - distance))) % 2**32 ^ x[0]
        if i % 4 == 3:
            turn = i // 4 + 1
            x[0] = (x[0] + keys[turn % 3]) % 2**32
            x[1] = (x[1] + keys[(turn + 1) % 3] + turn) % 2**32
    return tuple(x)


def threefry(key, counter):
    return tuple(int(word) for word in random.threefry2x32(*(tuple(map(np.uint32, pair)) for pair in (key, counter))))


# The file kat_vectors of Random123, the paper's own software.
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_published_answers(counter, key, expected):
    assert threefry(key, counter) == expected


@given(key=st.tuples(words, words), counter=st.tuples(words, words))
@settings(max_examples=25)
def test_threefry_equals_the_reference(key, counter):
    assert threefry(key, counter) == reference(key, counter)


@given(seed=words, position=st.integers(0, 2**63 - 1), stream=words)
@settings(max_examples=25)
def test_bits_are_the_cipher_of_the_position_under_seed_and_stream(seed, position, stream):
    expected = reference((seed, stream), (position % 2**32, position >> 32))[0]
    assert int(random.bits(seed, np.array([position]), stream)[0]) == expected


def test_two_uint32_words_name_the_same_position_as_one_int64():
    positions = np.array([0, 5, 2**32 - 1, 2**32, 2**40 + 7])
    pair = (positions % 2**32).astype("uint32"), (positions >> 32).astype("uint32")
    np.testing.assert_array_equal(random.bits(3, pair, 1), random.bits(3, positions, 1))


def test_int32_positions_give_what_int64_positions_give():
    positions = np.array([0, 5, 2**31 - 1])
    np.testing.assert_array_equal(random.bits(3, positions.astype("int32"), 1), random.bits(3, positions, 1))


def test_a_list_of_streams_gives_each_streams_numbers():
    together = random.bits(3, POSITIONS[:9], [4, 0, 7])
    np.testing.assert_array_equal(together, np.stack([random.bits(3, POSITIONS[:9], s) for s in (4, 0, 7)]))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_as_many_streams_as_examples_are_no_bias(number):
    streams = list(range(number))
    together = random.bits(3, POSITIONS[:number], streams)
    np.testing.assert_array_equal(together, np.stack([random.bits(3, POSITIONS[:number], s) for s in streams]))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_numbers_are_the_eager_ones(jit_compile):
    positions = tf.range(2**32 - 50, 2**32 + 50, dtype=tf.int64)
    draw = tf.function(lambda p: random.uniform(9, p, [0, 5]), jit_compile=jit_compile)
    np.testing.assert_array_equal(draw(positions), random.uniform(9, positions, [0, 5]))


def test_compiled_integers_are_the_eager_ones():
    positions = tf.range(1000, dtype=tf.int64)
    draw = tf.function(lambda p: random.integers(9, p, 2, -3, 60_000), jit_compile=True)
    np.testing.assert_array_equal(draw(positions), random.integers(9, positions, 2, -3, 60_000))


def test_uniform_is_the_upper_24_bits():
    upper = np.asarray(random.bits(1, POSITIONS, 0)).astype("uint64") >> 8
    np.testing.assert_array_equal(random.uniform(1, POSITIONS, 0), (upper / 2**24).astype("float32"))


def test_uniform_has_the_moments_of_the_uniform_distribution():
    u = np.asarray(random.uniform(1, POSITIONS, 0), "float64")
    standard_error = len(u) ** -0.5
    assert abs(u.mean() - 1 / 2) < 4 * standard_error * (1 / 12) ** 0.5
    assert abs(u.var() - 1 / 12) < 4 * standard_error * (1 / 180) ** 0.5


@pytest.mark.parametrize(
    ("seed", "offset", "stream"),
    [(1, 0, 1), (2, 0, 0), (1, 1, 0), (1, 2**32, 0)],
    ids=["stream", "seed", "position", "high word"],
)
def test_draws_that_differ_in_one_thing_are_uncorrelated(seed, offset, stream):
    one, other = random.uniform(1, POSITIONS, 0), random.uniform(seed, POSITIONS + offset, stream)
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 * len(POSITIONS) ** -0.5


@given(low=st.integers(-1000, 1000), span=st.integers(1, 2**16))
@settings(max_examples=25)
def test_integers_are_the_scaled_bits(low, span):
    expected = [low + (int(b) * span >> 32) for b in np.asarray(random.bits(5, POSITIONS[:64], 3))]
    np.testing.assert_array_equal(random.integers(5, POSITIONS[:64], 3, low, low + span), expected)


def test_every_integer_is_equally_likely():
    counts = np.bincount(np.asarray(random.integers(1, POSITIONS, 0, 0, 9)), minlength=9)
    expected = len(POSITIONS) / 9
    assert ((counts - expected) ** 2 / expected).sum() < 26.1  # chi squared, 8 degrees of freedom: p = 0.001


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5])
def test_a_seed_out_of_range_gets_a_sentence(seed):
    with pytest.raises(RequestError, match="seed must be an integer at least 0 and at most 4294967295"):
        random.bits(seed, POSITIONS, 0)


def test_a_stream_out_of_range_gets_a_sentence():
    with pytest.raises(RequestError, match="stream must be"):
        random.bits(0, POSITIONS, [0, -1])


@pytest.mark.parametrize("high", [0, -1, 2**16 + 1])
def test_an_empty_or_too_wide_range_gets_a_sentence(high):
    with pytest.raises(RequestError, match="high - low must be an integer at least 1 and at most 65536"):
        random.integers(0, POSITIONS, 0, 0, high)
