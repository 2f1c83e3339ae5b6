"""The stream is a pure function of (seed, k)."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.data import Stream
from tf_tricks.data.stream import permuted
from tf_tricks.errors import RequestError


def stream(num_examples=10, **arguments):
    """A stream whose inputs are the examples' numbers."""
    numbers = np.arange(num_examples)
    return Stream((numbers.astype("float32"), numbers), **arguments)


def order(num_examples, seed, start, stop):
    return permuted(tf.range(start, stop, dtype=tf.int64), num_examples, seed).numpy().tolist()


def take(dataset, number):
    """Examples and positions of the first elements of a data set."""
    elements = list(dataset.take(number).as_numpy_iterator())
    return [int(i) for (inputs, _), _ in elements for i in inputs], [int(position) for *_, position in elements]


@settings(max_examples=30)
@given(num_examples=st.integers(1, 50), seed=st.integers(0, 2**32), epoch=st.integers(0, 1000))
def test_every_epoch_has_every_example_once(num_examples, seed, epoch):
    found = order(num_examples, seed, epoch * num_examples, (epoch + 1) * num_examples)
    assert sorted(found) == list(range(num_examples))


def test_epochs_have_orders_of_their_own():
    assert order(50, 0, 0, 50) != order(50, 0, 50, 100)


def test_seeds_have_orders_of_their_own():
    assert order(50, 0, 0, 50) != order(50, 1, 0, 50)


@settings(max_examples=8)
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4), seed=st.integers(0, 99), start=st.integers(0, 30))
def test_batch_sizes_do_not_change_the_order(sizes, seed, start):
    found, k = [], start
    for size in sizes:
        found += take(stream(seed=seed).dataset(size, k), 1)[0]
        k += size
    assert found == order(10, seed, start, k)


def test_positions_are_those_of_the_first_examples():
    assert take(stream().dataset(3, 2**33), 3)[1] == [2**33, 2**33 + 3, 2**33 + 6]


@pytest.mark.parametrize(("num_shards", "batches_a_shard"), [(2, 1), (2, 2), (1, 4), (3, 2)])
def test_shards_together_are_the_stream(num_shards, batches_a_shard):
    """The replicas of every pipeline, side by side, see the batches in the order that one device sees them in."""
    shards = [stream(seed=5).dataset(3, 7, num_shards, i, batches_a_shard) for i in range(num_shards)]
    elements = [list(shard.take(2 * batches_a_shard).as_numpy_iterator()) for shard in shards]
    turns = [shard[t * batches_a_shard : (t + 1) * batches_a_shard] for t in range(2) for shard in elements]
    found = [int(i) for turn in turns for (inputs, _), _ in turn for i in inputs]
    assert found == order(10, 5, 7, 7 + len(found))


def test_shapes_are_static():
    (inputs, labels), position = stream().dataset(4).element_spec
    assert (inputs.shape, labels.shape, position.shape) == ((4,), (4,), ())


def test_labels_belong_to_their_inputs():
    inputs, labels = stream().fetch(tf.range(10, dtype=tf.int64))
    np.testing.assert_array_equal(inputs.numpy(), labels.numpy())


@pytest.mark.parametrize(("num_examples", "batch_size", "length"), [(10, 5, 2), (10, 4, 3), (10, 3, 3), (10, 10, 1)])
def test_length_is_the_batches_of_an_epoch(num_examples, batch_size, length):
    assert len(stream(num_examples, batch_size=batch_size)) == length


def test_epochs_of_the_sequence_follow_on_each_other():
    one = stream(batch_size=4, seed=2)
    found = []
    for _ in range(4):
        one.on_epoch_begin()
        found += [int(i) for index in range(len(one)) for i in one[index][0]]
        one.on_epoch_end()
    assert found == order(10, 2, 0, len(found))


def test_the_end_of_no_epoch_moves_nothing():
    one = stream(batch_size=4)
    one.on_epoch_end()
    assert one.examples_seen == 0


def test_the_sequence_augments_with_seed_and_positions():
    def augment(inputs, labels, seed, positions):
        return tf.cast(positions, tf.float32), labels + seed

    inputs, _ = stream(batch_size=4, seed=2, augment=augment)[1]
    assert inputs.tolist() == [4, 5, 6, 7]


def plus_position(inputs, labels, seed, positions):
    return inputs + 100.0 * tf.cast(positions, tf.float32), tf.one_hot(labels, 10) * float(seed)


def test_on_the_host_the_data_set_augments_with_seed_and_positions():
    one = stream(seed=2, augment=plus_position, augment_on="host")
    (inputs, labels), _ = next(iter(one.dataset(4, 2**20)))
    positions = 2**20 + tf.range(4, dtype=tf.int64)
    expected = plus_position(*one.fetch(positions), 2, positions)
    np.testing.assert_array_equal(inputs, expected[0])
    np.testing.assert_array_equal(labels, expected[1])


def test_in_the_step_the_data_set_does_not_augment():
    assert take(stream(augment=plus_position).dataset(4), 1) == take(stream().dataset(4), 1)


@pytest.mark.parametrize(("augment_on", "left"), [("step", plus_position), ("host", None)])
def test_what_is_left_to_the_step(augment_on, left):
    assert stream(augment=plus_position, augment_on=augment_on).step_augment is left


def test_the_sequence_is_augmented_once_wherever_it_is():
    one, other = (stream(batch_size=4, seed=2, augment=plus_position, augment_on=on)[1] for on in ("step", "host"))
    np.testing.assert_array_equal(one[0], other[0])


def test_no_such_place_to_augment_on():
    with pytest.raises(RequestError, match="there is no augment_on 'hots'; did you mean 'host'"):
        stream(augment_on="hots")


def test_by_default_a_batch_has_32_examples_or_all():
    assert (stream(50).batch_size, stream(10).batch_size) == (32, 10)


@pytest.mark.parametrize("arguments", [dict(batch_size=0), dict(batch_size=11), dict(seed=-1), dict(seed=0.5)])
def test_arguments_out_of_range(arguments):
    with pytest.raises(RequestError, match=f"{next(iter(arguments))} must be an integer"):
        stream(10, **arguments)
