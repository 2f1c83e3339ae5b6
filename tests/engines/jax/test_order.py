"""The device finds the same order of the stream as TensorFlow's op on the host."""

import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf

from tf_tricks.data.stream import permuted
from tf_tricks.engines.jax.order import after, indices_from, shuffled, turn_at

pytestmark = pytest.mark.engines
SIZES = [1, 2, 3, 10, 257, 1000, 2**14, 2**14 + 1, 50_000, 2**16, 2**16 + 1, 2**16 + 2, 1_281_167, 2**18 + 1, 2**31]


@pytest.mark.parametrize("number", SIZES)
@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (7, 3), (2**40 + 5, 12)])
def test_indices_are_those_of_the_stream(number, seed, epoch):
    places = np.unique(np.linspace(0, number - 1, 50).astype("int64"))
    wanted = permuted(tf.constant(places + epoch * number), number, seed).numpy()
    found = shuffled(jnp.asarray(places, "uint32"), jnp.full(len(places), epoch, "uint32"), number, seed)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("place", [0, 5, 9, 10, 13, 2**32 - 3, 2**32, 2**33 + 7])
def test_a_batch_may_go_over_the_end_of_an_epoch(place):
    wanted = permuted(tf.range(place, place + 8, dtype=tf.int64), 10, 3).numpy()
    np.testing.assert_array_equal(indices_from(turn_at(place, 10), 8, 10, 3), wanted)


@pytest.mark.parametrize("place", [0, 6, 9, 2**32 - 8, 2**32 - 1, 2**33 + 7])
@pytest.mark.parametrize("number", [1, 4, 10])
def test_the_turn_after_some_examples(place, number):
    assert [int(part) for part in after(turn_at(place, 10), number, 10)] == list(turn_at(place + number, 10))
