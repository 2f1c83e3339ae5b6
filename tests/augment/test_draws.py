"""Draws: each example's numbers are its own, whatever the batch; and they have the distributions that they say."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tf_tricks.augment import random
from tf_tricks.augment.augmentation import Augmentation
from tf_tricks.augment.randomness.draws import Draws, of_generator

POSITIONS = np.arange(4000, dtype="int64")


def test_the_nth_number_is_that_of_stream_n():
    draws = Draws(7, POSITIONS[:5])
    found = [np.asarray(draws.bits()) for _ in range(40)]
    np.testing.assert_array_equal(found, random.bits(7, POSITIONS[:5], list(range(40))))


@pytest.mark.parametrize("size", [1, 2, 4, 6, 48])
@pytest.mark.parametrize("draw", [Draws.uniform, Draws.exponential, Draws.normal])
def test_in_a_batch_of_any_size_the_numbers_are_the_same(draw, size):
    whole = np.asarray(draw(Draws(5, POSITIONS[:960])))
    parts = [np.asarray(draw(Draws(5, POSITIONS[i : i + size]))) for i in range(0, 96, size)]
    np.testing.assert_array_equal(np.concatenate(parts), whole[:96])


def test_words_of_positions_give_the_same_as_positions():
    positions = POSITIONS[:5] + 2**33
    words = (positions % 2**32).astype("uint32"), (positions >> 32).astype("uint32")
    np.testing.assert_array_equal(Draws(7, words).uniform(), Draws(7, positions).uniform())


def test_some_of_the_examples_keep_their_numbers():
    draws, rows = Draws(3, POSITIONS[:9]), np.array([8, 1, 1])
    before = draws.uniform()
    some = draws.copy()
    some.take(rows)
    np.testing.assert_array_equal(some.uniform(), np.asarray(draws.uniform())[rows])
    assert not np.array_equal(before, draws.uniform())


def test_a_copy_goes_on_by_itself_and_can_be_caught_up_with():
    draws = Draws(3, POSITIONS[:9])
    copy = draws.copy()
    copy.uniform(), copy.uniform()
    assert (draws.used, copy.used) == (0, 2)
    draws.skip_to(copy)
    np.testing.assert_array_equal(draws.uniform(), copy.uniform())


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [
        (lambda d: d.uniform(-2.0, 3.0), stats.uniform(-2, 5)),
        (lambda d: d.exponential(), stats.expon()),
        (lambda d: d.normal(), stats.norm()),
    ],
    ids=["uniform", "exponential", "normal"],
)
def test_distributions(draw, distribution):
    assert stats.kstest(np.asarray(draw(Draws(1, POSITIONS))), distribution.cdf).pvalue > 0.01


def test_signs_are_equally_likely():
    signs = np.asarray(Draws(1, POSITIONS).sign())
    assert set(signs) == {-1.0, 1.0}
    assert abs(signs.mean()) < 4 / len(signs) ** 0.5


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_never_and_always(probability, share):
    assert np.asarray(Draws(1, POSITIONS).happens(probability)).mean() == share


def test_a_seed_generator_gives_other_numbers_each_time_and_each_example_its_own():
    generator = keras.random.SeedGenerator(5)
    first, second = (np.asarray(of_generator(generator, 100).uniform()) for _ in range(2))
    assert len(np.unique(np.concatenate([first, second]))) == 200


def test_positions_of_unknown_number_get_the_images_number():
    """Without it the draws would be left to TensorFlow's kernels, at a multiple of the time."""
    seen = []

    class Seeing(Augmentation):
        def transform(self, batch, draws):
            seen.append(tuple(draws.positions.shape))
            return batch

    augmentation = Seeing()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def augmented(positions):
        return augmentation(tf.zeros([4, 2, 2, 3]), seed=0, positions=positions)

    augmented(tf.range(4, dtype=tf.int64))
    assert set(seen) == {(4,)}
