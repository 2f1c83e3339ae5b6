"""Batches for replicas: each gets its own, in the stream's order."""

import pytest
from support import forked

PROGRAM = """
import tensorflow as tf
import tf_tricks as tt
from tf_tricks.engines.tensorflow import batches

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
    forked.run(PROGRAM.format(distributed=distributed))


# TPUs and GPUs have an iterator for each replica. Here logical CPUs are made to have them, too.
RUN = """
import keras
import numpy as np
import tf_tricks as tt
from support.problems import convnet, image_data
from tf_tricks.engines.tensorflow import batches

strategy = tt.strategy("cpu", replicas=2)


def run():
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = convnet()
    trainer = tt.Trainer(model, "adam", 0.01, batch_size=16, metrics=["accuracy"], micro_batch=8, strategy=strategy)
    history = trainer.fit(image_data(48), 2, validation=image_data(22), verbose=0).history
    return [*history.values(), *map(np.asarray, model.weights)]


one = run()
batches.device_kind = lambda strategy: "TPU"
for found, expected in zip(run(), one, strict=True):
    np.testing.assert_array_equal(found, expected)
"""


def test_a_run_with_distributed_iterators_is_the_same():
    forked.run(RUN)
