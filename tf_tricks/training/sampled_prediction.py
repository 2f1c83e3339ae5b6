"""Predictions several times over, under dropout masks or augmentations: their mean and their standard deviation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Augment, Structure
from tf_tricks.errors import RequestError
from tf_tricks.training.outputs import Output, probabilities

_TURN = 2**32  # positions from one time to the next: more than there are examples


class SampledPrediction:
    """What a model says of inputs: probabilities, scores or numbers, of several times the mean.

    What is drawn at the time t for the example i is what the stream's position t · 2³² + i draws: the same whenever it
    is asked for, and the first of ten times are those of five. (Masks of dropout are drawn for a batch, by the position
    of its first example.)

    Args:
        predict: the engine's `Prediction` of the model, or, for Monte-Carlo dropout, of its
            `layers.monte_carlo.sampler_of`.
        outputs: of the model.
        times: how many predictions of each example, from 1.
        augment: what is done to the inputs each time, or None.
        seed: of the augmentation.

    Raises:
        RequestError: the augmentation mixes examples.
    """

    def __init__(
        self,
        predict: Any,
        outputs: Sequence[Output],
        times: int = 1,
        augment: Augment | None = None,
        seed: int = 0,
    ):
        if getattr(augment, "mixes", False):
            raise RequestError(
                f"{type(augment).__name__} mixes examples, of which none could be told the class: name another "
                "augmentation, such as --augment=flip"
            )
        self.predict = predict
        self.outputs = outputs
        self.times = times
        self.augment = augment
        self.seed = seed
        self._augmented = tf.function(self._augment, autograph=False)

    def __call__(self, inputs: Structure, indices: np.ndarray) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Returns mean and standard deviation for each output, float64 [b, ...]; there is none of a single time.

        Args:
            inputs: arrays [b, ...].
            indices: the position of each example in the data, int64 [b].
        """
        moments: list[Any] = [None] * len(self.outputs)
        for time in range(self.times):
            given = inputs
            if self.augment is not None:
                images = [tf.convert_to_tensor(values) for values in tf.nest.flatten(inputs)]
                if len(images) > 1:
                    raise RequestError(f"augmentations take one array of images, and the model takes {len(images)}")
                augmented = self._augmented(images[0], tf.constant(time * _TURN + indices, tf.int64))
                given = tf.nest.pack_sequence_as(inputs, [augmented])
            values, _ = self.predict(given, int(time * _TURN + indices[0]))
            for i, (output, value) in enumerate(zip(self.outputs, values)):
                moments[i] = _with(moments[i], probabilities(output, value), time + 1)
        return [(mean, np.sqrt(scatter / self.times) if self.times > 1 else None) for mean, scatter in moments]

    def _augment(self, images, positions):
        labels = tf.zeros(tf.shape(images)[:1], tf.int32)  # an augmentation of one's own may want some
        return self.augment(images, labels, seed=self.seed, positions=positions)[0]  # type: ignore[misc]


def _with(moments, value, number):
    """Mean and scatter with one more value, the `number`-th (Welford's)."""
    if moments is None:
        return value, np.zeros_like(value)
    mean, scatter = moments
    new = mean + (value - mean) / number
    return new, scatter + (value - mean) * (value - new)
