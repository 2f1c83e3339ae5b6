"""The outputs of a model batch by batch, every example exactly once, on any number of replicas."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend import get_keras_mask

from tf_tricks.annotations import Forward, Structure
from tf_tricks.engines import hosts
from tf_tricks.engines.objective import stateless
from tf_tricks.engines.tensorflow.device_errors import told
from tf_tricks.seeds import seed_states


class Prediction:
    """Predicts a batch, as `keras.Model.predict` does.

    A batch is split over the replicas; one that they do not divide, at the end of the data, every replica computes
    whole, and the first one's outputs are taken.

    Layers that draw at inference too, such as Monte-Carlo dropout, draw as a function of the position.

    Args:
        strategy: a `tf.distribute.Strategy`.
        model: a built `keras.Model`.
        argument: what makes the batches smaller, as the user knows it.
        forward: function (inputs, training) of what is predicted; None calls the model.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        model: keras.Model,
        argument: str = "batch_size",
        forward: Forward | None = None,
    ):
        self.strategy = strategy
        self.model = model
        self.argument = argument
        self.forward = forward or self._model
        self._run = tf.function(self._on_replicas, autograph=False)

    def __call__(self, inputs: Structure, position: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Returns the outputs and their masks.

        Args:
            inputs: arrays or tensors [b, ...], in the structure that the model takes.
            position: of the first example; what is drawn depends on it.

        Returns:
            The outputs, in the order of `keras.tree.flatten`, floats as float32; and of each whether its places count,
            bool [b, ...] without the output's last axis.
        """
        with tf.device("CPU:0"):
            inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        size, replicas = len(tf.nest.flatten(inputs)[0]), self.strategy.num_replicas_in_sync
        split = 1 if size % replicas or hosts.joined() else replicas  # several processes: each computes all
        with told("prediction", size, self.argument):
            if split > 1:
                results = self._run(*self._distributed(inputs, position, size // replicas))
            else:
                results = self._run(inputs, tf.constant(position, tf.int64))
            parts = [tf.nest.map_structure(np.asarray, part) for part in results[:split]]
        outputs, masks = zip(*parts)
        return [np.concatenate(each) for each in zip(*outputs)], [np.concatenate(each) for each in zip(*masks)]

    def _distributed(self, inputs, position, size):
        """The inputs and positions of each replica, as `strategy.run` takes them."""

        def part(context):
            start = context.replica_id_in_sync_group * size
            own = tf.nest.map_structure(lambda values: values[start : start + size], inputs)
            return own, tf.constant(position + start, tf.int64)

        return self.strategy.experimental_distribute_values_from_function(part)

    def _on_replicas(self, inputs, position):
        results = self.strategy.run(self._on_replica, args=(inputs, position))
        flat = [self.strategy.experimental_local_results(value) for value in tf.nest.flatten(results)]
        return [tf.nest.pack_sequence_as(results, list(values)) for values in zip(*flat)]

    def _on_replica(self, inputs, position):
        with stateless(self.model, seed_states(self.model), position):
            outputs = keras.tree.flatten(self.forward(inputs, False))
        self.model._clear_losses()  # those of activities belong to the trace
        return [_as_float32(output) for output in outputs], [_mask(output) for output in outputs]

    def _model(self, inputs, training):
        return self.model(inputs, **({"training": training} if self.model._call_has_training_arg else {}))


def _as_float32(output: Any) -> Any:
    return tf.cast(output, tf.float32) if output.dtype.is_floating else output


def _mask(output):
    mask = get_keras_mask(output)
    places = tf.shape(output)[: max(1, len(output.shape) - 1)]
    if mask is None or len(mask.shape) != max(1, len(output.shape) - 1):
        return tf.ones(places, tf.bool)
    return tf.cast(mask, tf.bool)
