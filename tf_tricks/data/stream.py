"""The training examples in an order that is a pure function of (seed, k), k = examples seen.

From this follow exact resume from one integer, re-batching in mid-stream, and the same order on any number of devices.
"""

import math
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Augment, Structure, Tensor
from tf_tricks.data.sources import as_source
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.protocols import Source

AUGMENT_ON = ("step", "host")
"""Where the augmentation runs: in the compiled train step, or on the host's CPU while the batch is read."""


def permuted(positions: Tensor, num_examples: int, seed: int) -> Tensor:
    """Returns the index of the example at each position of the stream.

    Epoch e = k // num_examples is a permutation of its own, keyed by (seed, e); nothing of it is ever stored.

    Args:
        positions: int64 tensor [b], k of each example.
        num_examples: examples in the source.
        seed: the stream's seed.

    Returns:
        int64 tensor [b], each in [0, num_examples).
    """
    epochs = positions // num_examples
    seeds = tf.stack([tf.fill(tf.shape(epochs), tf.constant(seed, tf.int64)), epochs, tf.zeros_like(epochs)], axis=1)
    last = num_examples - 1
    spare = last.bit_count() == 1 and last >= 2**16  # the op makes its block one bit too short for such a last index

    def shuffled(indices):
        limit = tf.constant(last + spare, tf.int64)
        return tf.raw_ops.RandomIndexShuffle(index=indices, seed=seeds, max_index=limit, rounds=4)

    indices = shuffled(positions % num_examples)
    return tf.where(indices > last, shuffled(indices), indices) if spare else indices


def augmented(
    augment: Augment,
    inputs: Structure,
    labels: Structure | None,
    seed: int,
    positions: Tensor | tuple[Tensor, Tensor],
) -> tuple[Structure, Structure | None]:
    """Returns (inputs, labels) augmented; the labels may be None.

    Args:
        augment: as `Stream` takes it.
        inputs: [b, ...].
        labels: [b, ...] or None.
        seed: the stream's seed.
        positions: int64 tensor [b]; or its low and high words, uint32 [b] each, where there are no integers of 64 bits.
    """
    if isinstance(positions, tuple) and not hasattr(augment, "transform"):
        positions = positions[0]  # somebody's own function gets one array; on JAX its integers have 32 bits
    found = augment(inputs, labels, seed=seed, positions=positions)
    return found if isinstance(found, tuple) else (found, labels)


class Stream(keras.utils.PyDataset):
    """An endless, shuffled, resumable stream of training examples.

    `Trainer.fit` takes it as it is. It also feeds plain `keras.Model.fit`, on one device, where it yields the batches
    of one epoch at a time and may change its batch size between epochs (`tt.callbacks.BatchSizeIncrease`). There, give
    `fit` the argument `shuffle=False`, or Keras changes the order of the batches within each epoch. (On JAX, Keras
    reads an epoch of it to build a model that is not built yet, so that `fit` then begins with the second order.)

    Args:
        source: a source of `tf_tricks.data`, or arrays (inputs, labels) or (inputs, labels, weights) as
            `tt.data.ArraySource` takes them.
        batch_size: examples a batch, in plain `fit`; the trainer has its own. None for 32, or all if there are fewer.
        seed: integer; with k it determines the order and the augmentation.
        augment: function (images, labels, seed, positions) -> (images, labels), or None; seed and positions come as
            keywords.
        augment_on: where the trainer augments: `"step"`, in the compiled train step, on the device that trains; or
            `"host"`, in `tf.data` on the CPU, for a slow device beside idle cores. The examples are the same.

    Raises:
        RequestError: an argument is unknown or out of its range.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.data import Stream
        >>> stream = Stream((np.arange(10.0), np.arange(10)), batch_size=4, seed=1)
        >>> inputs, labels = stream[0]
        >>> inputs.shape, bool((inputs == labels).all())
        ((4,), True)
    """

    def __init__(
        self,
        source: Source | tuple[Structure, ...] | list[Structure],
        batch_size: int | None = None,
        seed: int = 0,
        augment: Augment | None = None,
        augment_on: str = "step",
    ):
        super().__init__()
        self.source = source = as_source(source)
        if batch_size is None:
            batch_size = min(32, source.num_examples)
        self.batch_size = check_number("batch_size", batch_size, minimum=1, maximum=source.num_examples, integer=True)
        self.seed = check_number("seed", seed, minimum=0, maximum=2**63 - 1, integer=True)
        if augment_on not in AUGMENT_ON:
            raise unknown("augment_on", augment_on, AUGMENT_ON)
        if isinstance(augment, keras.layers.Layer) and type(augment).__module__.startswith("keras."):
            raise RequestError(
                f"the Keras layer {augment.name!r} cannot be told the place of an example: put it into the model, or "
                "take an augmentation of tt.augment"
            )
        self.augment = augment
        self.augment_on = augment_on
        self.examples_seen = 0
        self._within_epoch = False
        self._dataset: tuple[list, Any] = ([], None)  # the last that was made, and of what: tracing it takes a while

    def fetch(self, positions: Tensor) -> tuple[Structure, ...]:
        """Returns what the source's `fetch` gives for the examples at `positions`, an int64 tensor [b]."""
        return self.source.fetch(permuted(positions, self.source.num_examples, self.seed), positions)

    def augmented(
        self, examples: tuple[Structure, ...], positions: Tensor | tuple[Tensor, Tensor]
    ) -> tuple[Structure, ...]:
        """Returns the examples at `positions`, int64 [b], as training sees them.

        Args:
            examples: (inputs,), (inputs, labels) or (inputs, labels, weights); the weights stay as they are.
            positions: int64 tensor [b].
        """
        if self.augment is None:
            return examples
        if keras.config.backend() != "tensorflow":
            examples, positions = as_numpy(examples), _words(positions)
        inputs, *labels_and_weights = examples
        if not labels_and_weights:
            return (augmented(self.augment, inputs, None, self.seed, positions)[0],)
        labels, *weights = labels_and_weights
        return (*augmented(self.augment, inputs, labels, self.seed, positions), *weights)

    @property
    def step_augment(self) -> Augment | None:
        """What is left to the train step: the augmentation, or None where `dataset` has augmented already."""
        return self.augment if self.augment_on == "step" else None

    def dataset(
        self, batch_size: int, examples_seen: int = 0, num_shards: int = 1, shard: int = 0, batches_a_shard: int = 1
    ) -> tf.data.Dataset:
        """Returns an endless `tf.data.Dataset` of (examples, position of the batch's first example).

        The examples are (inputs, labels) or (inputs, labels, weights). They are as they were fetched, or augmented
        where that is to happen on the host.

        Args:
            batch_size: examples an element.
            examples_seen: k of the first example.
            num_shards: input pipelines (hosts) that share the stream.
            shard: which of them this is.
            batches_a_shard: consecutive elements that go to one pipeline (its replicas) before the next one's turn.
        """

        def batch(number):
            turn, place = number // batches_a_shard, number % batches_a_shard
            start = examples_seen + ((turn * num_shards + shard) * batches_a_shard + place) * batch_size
            positions = start + tf.range(batch_size, dtype=tf.int64)
            examples = self.fetch(positions)
            if on_host:
                with tf.device("CPU:0"):
                    examples = self.augmented(examples, positions)
            return examples, start

        asked = (batch_size, examples_seen, num_shards, shard, batches_a_shard, self.seed, self.augment_on)
        made_of, dataset = self._dataset
        if made_of[:1] == [asked] and made_of[1] is self.source and made_of[2] is self.augment:
            return dataset
        on_host = self.augment_on == "host"
        calls = max(2, os.cpu_count() or 2) if on_host else 2
        options = tf.data.Options()
        options.deterministic = True
        options.autotune.enabled = False  # nothing to tune; its thread can hold up the end of an iterator for minutes
        dataset = tf.data.Dataset.counter().map(batch, num_parallel_calls=calls).prefetch(8).with_options(options)
        self._dataset = ([asked, self.source, self.augment], dataset)
        return dataset

    def __len__(self):
        """Batches in an epoch, all of them whole; Keras wants the same number in every epoch of a batch size."""
        return math.floor(self.source.num_examples / self.batch_size + 0.5)

    def __getitem__(self, index):
        """Batch `index` of the epoch, as NumPy arrays."""
        positions = self.examples_seen + index * self.batch_size + np.arange(self.batch_size, dtype=np.int64)
        positions = tf.constant(positions)
        return tf.nest.map_structure(np.asarray, self.augmented(self.fetch(positions), positions))

    def on_epoch_begin(self) -> None:
        """Notes that an epoch has begun: Keras calls `on_epoch_end` before the first one, too."""
        self._within_epoch = True

    def on_epoch_end(self) -> None:
        """Moves to the next epoch."""
        if self._within_epoch:
            self.examples_seen += len(self) * self.batch_size
        self._within_epoch = False


def as_numpy(examples: Structure) -> Structure:
    """Returns a structure of tensors with those of TensorFlow as arrays of NumPy, which every backend takes."""
    return tf.nest.map_structure(lambda one: np.asarray(one) if tf.is_tensor(one) else one, examples)


def _words(positions):
    """The low and the high words of positions, uint32 [b] each."""
    if isinstance(positions, tuple):
        return positions
    places = np.asarray(positions, np.int64)
    return (places % 2**32).astype("uint32"), (places // 2**32).astype("uint32")
