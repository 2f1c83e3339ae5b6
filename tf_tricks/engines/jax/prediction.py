"""The outputs of a model batch by batch, every example exactly once, on any number of devices."""

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.src.backend import get_keras_mask

from tf_tricks.annotations import Forward, Structure
from tf_tricks.engines.jax.device_errors import told
from tf_tricks.engines.jax.devices import DataParallel
from tf_tricks.engines.jax.input import narrowed
from tf_tricks.engines.jax.variables import variables_of
from tf_tricks.engines.places import seeds_at, words
from tf_tricks.seeds import seed_states


class Prediction:
    """Predicts a batch, as `keras.Model.predict` does.

    A batch is split over the devices; one that they do not divide, at the end of the data, every device computes whole.

    Layers that draw at inference too, such as Monte-Carlo dropout, draw as a function of the position.

    Args:
        strategy: `DataParallel`.
        model: a built `keras.Model`.
        argument: what makes the batches smaller, as the user knows it.
        forward: function (inputs, training) of what is predicted; None calls the model.
    """

    def __init__(
        self,
        strategy: DataParallel,
        model: keras.Model,
        argument: str = "batch_size",
        forward: Forward | None = None,
    ):
        self.strategy = strategy
        self.model = model
        self.argument = argument
        self.forward = forward or self._model
        self._variables = variables_of(model)
        self._run = jax.jit(self._outputs, out_shardings=None if strategy.num_hosts == 1 else strategy.replicated)

    def __call__(self, inputs: Structure, position: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Returns the outputs and their masks.

        Args:
            inputs: arrays or tensors [b, ...], in the structure that the model takes.
            position: of the first example; what is drawn depends on it.

        Returns:
            The outputs, in the order of `keras.tree.flatten`, floats as float32; and of each whether its places count,
            bool [b, ...] without the output's last axis.
        """
        inputs = keras.tree.map_structure(lambda array: narrowed(np.asarray(array)), inputs)
        size = len(keras.tree.flatten(inputs)[0])
        even = size % self.strategy.num_replicas_in_sync == 0
        with told("prediction", size, self.argument):
            strategy = self.strategy
            inputs = strategy.share_out(strategy.own(inputs)) if even else strategy.replicate(inputs)
            values = self._variables.values(strategy)
            outputs, masks = strategy.local(self._run(values, inputs, words(position)))
            return [np.asarray(output) for output in outputs], [np.asarray(mask) for mask in masks]

    def _outputs(self, values, inputs, place):
        with self._variables.scope(values):
            seeds = seeds_at(seed_states(self.model), place)
        with self._variables.scope(values, seeds, losses=True):
            outputs = keras.tree.flatten(self.forward(inputs, False))
        return [_as_float32(output) for output in outputs], [_mask(output) for output in outputs]

    def _model(self, inputs, training):
        return self.model(inputs, **({"training": training} if self.model._call_has_training_arg else {}))


def _as_float32(output: Any) -> Any:
    return output.astype("float32") if jnp.issubdtype(output.dtype, jnp.floating) else output


def _mask(output):
    mask = get_keras_mask(output)
    places = output.shape[: max(1, output.ndim - 1)]
    if mask is None or mask.ndim != len(places):
        return jnp.ones(places, bool)
    return mask.astype(bool)
