"""Batches for replicas: each gets its own, in the stream's order."""

import subprocess
import sys

import pytest

PROGRAM = """
import tensorflow as tf
import tf_tricks as tt
from tf_tricks.training import batches

strategy = tt.strategy("cpu", replicas=2)
counter = lambda context: tf.data.Dataset.counter()
if {distributed}:
    iterator = iter(strategy.distribute_datasets_from_function(counter))
else:
    iterator = batches.iterate(strategy, counter)

@tf.function
def pairs():
    def one(i, found):
        batch = strategy.run(tf.identity, args=(batches.next_batch(strategy, iterator),))
        return i + 1, found.write(i, tf.stack(strategy.experimental_local_results(batch)))
    start = (0, tf.TensorArray(tf.int64, 3))
    return tf.while_loop(lambda i, _: i < 3, one, start, parallel_iterations=1)[1].stack()

assert pairs().numpy().tolist() == [[0, 1], [2, 3], [4, 5]]
assert pairs().numpy().tolist() == [[6, 7], [8, 9], [10, 11]]
"""


@pytest.mark.parametrize("distributed", [False, True], ids=["one iterator", "a distributed iterator"])
def test_replicas_take_turns(distributed):
    command = [sys.executable, "-c", PROGRAM.format(distributed=distributed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
