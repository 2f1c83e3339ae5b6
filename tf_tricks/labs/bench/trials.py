"""Trials of a search over learning rate, L2, width and first weights of a small network, by trainers that are kept."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.errors import RunError
from tf_tricks.labs.bench import arrays
from tf_tricks.search import log_uniform
from tf_tricks.search.tunable import TunableNumbers

SPACE = {
    "learning_rate": log_uniform(1e-4, 10.0),
    "l2": log_uniform(1e-7, 1e-1),
    "width": log_uniform(4, 256),
    "scale": log_uniform(1e-2, 1e2),
}
"""What is searched; scale is that of the variance of the hidden layer's weights, 1 for 1/n_in."""

WIDTHS = (4, 16, 64, 256)
"""To the nearest of which a width is taken, on the logarithmic scale: each is compiled once."""

Point = Mapping[str, float]


class Trials:
    """Trains a network of one hidden layer at points of `SPACE`, and keeps what was compiled for each width.

    Args:
        dataset: the name of a data set with classes; the first 1,150 training examples are trained on and the next 288
            validate.

    Example:
        >>> point = {"learning_rate": 0.1, "l2": 1e-4, "width": 20.0, "scale": 1.0}
        >>> Trials("digits").accuracies([point], epochs=2)[0] > 0.5
        True
    """

    def __init__(self, dataset: str):
        data = arrays.load(dataset).standardized().flat().first(1438)
        inputs, labels = data.train
        last = len(labels) * 4 // 5
        self._validation = inputs[last:], labels[last:]
        self._stream = tt.data.Stream((inputs[:last], labels[:last]))
        self._num_classes = data.num_classes
        self._kept: dict[int, _Kept] = {}

    def accuracies(self, points: Sequence[Point], epochs: float) -> list[float]:
        """Returns the validation accuracy at each point, 0 where training diverges.

        Args:
            points: dicts with the keys of `SPACE`.
            epochs: how long each is trained.
        """
        return [self._accuracy(point, epochs) for point in points]

    def _accuracy(self, point, epochs):
        width = min(WIDTHS, key=lambda known: abs(np.log(known / point["width"])))
        inputs, labels = self._validation
        if width not in self._kept:
            self._kept[width] = _Kept(width, inputs.shape[1], self._num_classes)
        trainer = self._kept[width].begin(point)
        try:
            trainer.fit(self._stream, epochs=epochs, verbose=0)
        except RunError:
            return 0.0
        logits = keras.ops.convert_to_numpy(trainer.model(inputs))
        return float(np.mean(np.argmax(logits, axis=1) == labels))


class _Kept:
    """A trainer of a width, and the weights with which its trials begin."""

    def __init__(self, width, num_inputs, num_classes):
        initializer = {"name": "variance_scaling", "scale": 1.0, "seed": 0}
        keras.utils.set_random_seed(0)
        model = tt.models.get(
            {"name": "mlp", "hidden": [width], "kernel_initializer": initializer},
            input_shape=(num_inputs,),
            num_outputs=num_classes,
        )
        self._trainer = tt.Trainer(model, "momentum", batch_size=32, l2=1.0)
        self._numbers = TunableNumbers(self._trainer, ["l2"])
        self._start = model.get_weights()

    def begin(self, point):
        kernel, *others = self._start
        self._trainer.model.set_weights([kernel * np.sqrt(point["scale"]), *others])
        for variable in self._trainer.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self._numbers.set({"l2": point["l2"]})
        self._trainer.learning_rate = tt.schedules.constant(point["learning_rate"])
        return self._trainer
