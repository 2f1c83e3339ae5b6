"""The trainer's own step as one function that needs no data: what its loop does for one update."""

from typing import Any, NamedTuple

import tensorflow as tf

from tf_tricks.data import Stream
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.tensorflow.loop import Loop, sum_dtype
from tf_tricks.errors import RequestError
from tf_tricks.training.trainer import Trainer


class Step(NamedTuple):
    """What is to be compiled.

    Attributes:
        function: a `tf.function` with `jit_compile=True`.
        specs: a `tf.TensorSpec` for each of its arguments.
        split_axes: for each argument the axis along which the chips share it, or None.
    """

    function: Any
    specs: list
    split_axes: list


def train_step(trainer: Trainer, stream: Stream, batch_size: int, micro_batch: int | None = None) -> Step:
    """Returns the `Step` of one update, as `trainer` makes it.

    Args:
        trainer: `Trainer` of a single replica, whatever the number of chips: the compiler splits its batch.
        stream: `Stream`; it says what the examples are, and none is read.
        batch_size: examples of the update, over all chips.
        micro_batch: most examples in the chips' memory at once, over all chips, or None.

    Raises:
        RequestError: the examples have no fixed shape.
    """
    at_once = batch_size if micro_batch is None else min(batch_size, micro_batch)
    micro_batches = batch_size // at_once
    examples = stream.dataset(at_once).element_spec[0]
    specs = tf.nest.flatten(examples)
    for spec in specs:
        if not spec.shape.is_fully_defined():
            raise RequestError(f"a TPU needs fixed shapes, and those of the examples are {list(spec.shape)}")
    objective = Objective(trainer.model, trainer.shares, stream.step_augment, stream.seed)
    loop = Loop(trainer.strategy, objective, trainer.update, micro_batch, trainer.loss_scale)
    one_update = loop.step_of(batch_size)
    counter = tf.Variable(0, dtype=tf.int64, trainable=False)

    @tf.function(autograph=False, jit_compile=True)
    def step(position, learning_rate, log_norms, *tensors):
        trainer.optimizer.learning_rate.assign(learning_rate)
        counter.assign(0)
        batches = tf.nest.pack_sequence_as(examples, tensors)
        return one_update(_Iterator(batches, position, at_once, counter), log_norms)

    scalars = [tf.TensorSpec([], dtype) for dtype in (tf.int64, tf.float32, tf.bool)]
    stacked = [tf.TensorSpec([micro_batches, *spec.shape], spec.dtype) for spec in specs]
    return Step(step, scalars + stacked, [None] * len(scalars) + [1] * len(stacked))


def update_alone(trainer: Trainer) -> Step:
    """Returns the `Step` of what follows on the passes forward and backward: clipping and the optimizer."""

    @tf.function(autograph=False, jit_compile=True)
    def update(learning_rate, log_norms, *gradients):
        trainer.optimizer.learning_rate.assign(learning_rate)
        return trainer.update(list(gradients), log_norms)

    specs = [tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.bool)]
    specs += [tf.TensorSpec(variable.shape, sum_dtype(variable.dtype)) for variable in trainer.update.variables]
    return Step(update, specs, [None] * len(specs))


class _Iterator:
    """Gives the loop its micro-batches one after the other, as the data's iterator does."""

    def __init__(self, batches, position, size, counter):
        self._batches, self._position, self._size, self._counter = batches, position, size, counter

    def __next__(self):
        number = self._counter.assign_add(1) - 1
        examples = tf.nest.map_structure(lambda stacked: stacked[number], self._batches)
        return examples, self._position + number * self._size
