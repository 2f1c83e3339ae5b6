"""One of several transforms for each example: by rows on the host, by selection under XLA, with the same result."""

import numpy as np
import pytest
import tensorflow as tf

from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.functional.dtypes import per_example
from tf_tricks.augment.policies.choose import choose
from tf_tricks.augment.randomness.draws import Draws

IMAGES = np.random.default_rng(0).random((24, 4, 3, 2)).astype("float32")
POSITIONS = np.arange(24, dtype="int64")


def plus(number):
    """Draws so many numbers and adds the last one, times `number`."""

    def transform(batch, draws):
        for _ in range(number):
            drawn = draws.uniform()
        return batch._replace(images=batch.images + per_example(drawn, batch.images) * number)

    return transform


def chosen(images, positions, numbers):
    draws = Draws(3, positions)
    choice = draws.integers(0, len(numbers))
    result = choose(Batch(images), draws, choice, [plus(number) for number in numbers])
    return result.images, draws.uniform()


def by_loop(numbers):
    draws = Draws(3, POSITIONS)
    choice = np.asarray(draws.integers(0, len(numbers)))
    drawn = np.stack([draws.uniform() for _ in range(max(numbers))])
    own = np.array(numbers)[choice]
    return IMAGES + (drawn[own - 1, np.arange(24)] * own)[:, None, None, None]


@pytest.mark.parametrize("numbers", [(1,), (1, 4), (20, 1, 3, 2, 5)])
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("size", [24, None])
def test_each_example_gets_its_own_transform(numbers, jit_compile, size):
    spec = tf.TensorSpec([size, 4, 3, 2]), tf.TensorSpec([size], tf.int64)
    function = tf.function(lambda x, p: chosen(x, p, numbers), input_signature=spec, jit_compile=jit_compile)
    np.testing.assert_allclose(function(IMAGES, POSITIONS)[0], by_loop(numbers), rtol=1e-6)


def test_what_follows_draws_the_same_numbers_whatever_was_chosen():
    some = chosen(IMAGES, POSITIONS, (20, 1, 3, 2, 5))[1]
    one = [chosen(IMAGES[i : i + 1], POSITIONS[i : i + 1], (20, 1, 3, 2, 5))[1] for i in range(24)]
    np.testing.assert_array_equal(some, np.concatenate(one))
