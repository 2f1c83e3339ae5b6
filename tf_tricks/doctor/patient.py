"""What is examined: a trainer and its data, and how a check leaves them as it found them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.data import Source, Stream
from tf_tricks.errors import RequestError
from tf_tricks.seeds import seed_states
from tf_tricks.training import state
from tf_tricks.training.trainer import Trainer


@dataclasses.dataclass
class Patient:
    """A trainer, what it is to train on, and the state to which every check puts it back.

    Attributes:
        trainer: `Trainer`, fresh: nothing has been trained.
        stream: `tt.data.Stream` of the training examples, with their augmentation.
        validation: a source, or None.
        test: a source, or None.
        callbacks: Keras callbacks.
        epochs: how long the run would be.
        class_weight: what `fit` takes.
        config: the resolved config, or None for what was put together in Python.
        seed: of all that is drawn.
        obstacle: the error with which the trainer refuses to train, or None; with one, checks that run the model are
            left out.
    """

    trainer: Trainer
    stream: Stream
    validation: Source | None = None
    test: Source | None = None
    callbacks: list[keras.callbacks.Callback] = dataclasses.field(default_factory=list)
    epochs: float = 10.0
    class_weight: Any = None
    config: Mapping[str, Any] | None = None
    seed: int = 0
    obstacle: RequestError | None = None

    def __post_init__(self):
        self._schedules = self.trainer.learning_rate, self.trainer.batch_size
        self._start = {key: np.copy(value) for key, value in state.variable_arrays(self._variables()).items()}

    def batch(self, number: int, augmented: bool = False) -> tuple[Any, Any, Any]:
        """Returns (inputs, labels, weights) of the first examples in the stream's order, NumPy; None for what is not.

        Args:
            number: of examples; of fewer, all.
            augmented: whether they are as the train step sees them, else as they are stored.
        """
        return self.examples(0, number, augmented)

    def examples(self, start: int, number: int, augmented: bool = False) -> tuple[Any, Any, Any]:
        """Returns what `batch` does of the examples from the position `start` of the stream on."""
        number = min(number, self.stream.source.num_examples)
        positions = tf.range(start, start + number, dtype=tf.int64)
        found = self.stream.fetch(positions)
        if augmented:
            found = self.stream.augmented(found, positions)
        return keras.utils.unpack_x_y_sample_weight(tf.nest.map_structure(np.asarray, found))

    def restore(self) -> None:
        """Puts weights, the optimizer's state, seeds, metrics and schedules back to what they were at first."""
        state.assign_variables(self._variables(), self._start)
        state.finalize_layers(self.trainer.model)
        self.trainer.learning_rate, self.trainer.batch_size = self._schedules

    def _variables(self):
        model = self.trainer.model
        return state.variable_groups(self.trainer, seed_states(model), model.metrics_variables)
