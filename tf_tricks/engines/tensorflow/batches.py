"""Batches of a `tf.data.Dataset` for the replicas of a strategy."""

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from tf_tricks.engines.tensorflow.devices import device_kind


def iterate(
    strategy: tf.distribute.Strategy, make_dataset: Callable[[tf.distribute.InputContext], tf.data.Dataset]
) -> Iterator[Any]:
    """Returns the iterator from which `next_batch` takes a batch for each replica.

    Logical CPUs share one iterator: `tf.distribute` would give each its own besides, only to copy from the host to the
    host, and the auto-tuning of those, which cannot be turned off, holds up the end of an iterator for minutes now and
    then.

    Args:
        strategy: the `tf.distribute.Strategy`.
        make_dataset: function of a `tf.distribute.InputContext` that returns the dataset of one input pipeline, whose
            consecutive elements are those of the pipeline's replicas.
    """
    num_replicas = strategy.num_replicas_in_sync
    logical_cpus = isinstance(strategy, tf.distribute.MirroredStrategy) and device_kind(strategy) == "CPU"
    if num_replicas == 1 or logical_cpus:
        return iter(make_dataset(tf.distribute.InputContext(num_replicas_in_sync=num_replicas)))
    return iter(strategy.distribute_datasets_from_function(make_dataset))


def next_batch(strategy: tf.distribute.Strategy, iterator: Iterator[Any]) -> Any:
    """Returns the next element for each replica, as `strategy.run` takes it; callable in a `tf.function` only."""
    if strategy.num_replicas_in_sync > 1 and isinstance(iterator, tf.data.Iterator):
        return strategy.experimental_distribute_values_from_function(lambda _: next(iterator))
    return next(iterator)
