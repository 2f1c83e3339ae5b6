"""A data set as arrays in memory, for labs that take parts of it, distort it or relabel it."""

import dataclasses
import os

import numpy as np

from tf_tricks.errors import RequestError


@dataclasses.dataclass(frozen=True)
class Arrays:
    """A classification in memory.

    Attributes:
        train: (inputs, labels): float32 [n, ...] with the values as they come, int32 [n].
        test: likewise, of the test part, or a fifth of the examples where the set has none.
        num_classes: K.
        mean: of the training inputs, a float32 for each channel or feature.
        deviation: their standard deviation, likewise; 1 where there is none.
    """

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    num_classes: int
    mean: np.ndarray
    deviation: np.ndarray

    def standardized(self) -> "Arrays":
        """Returns the same with inputs of mean 0 and variance 1, by the training part's statistics."""
        of_each = [((inputs - self.mean) / self.deviation, labels) for inputs, labels in (self.train, self.test)]
        return dataclasses.replace(self, train=of_each[0], test=of_each[1])

    def flat(self) -> "Arrays":
        """Returns the same with each example as a vector."""
        of_each = [(inputs.reshape(len(inputs), -1), labels) for inputs, labels in (self.train, self.test)]
        return dataclasses.replace(self, train=of_each[0], test=of_each[1])

    def first(self, train: int, test: int | None = None) -> "Arrays":
        """Returns the first examples of each part, all where there are fewer; they come in an order drawn once."""
        cut = [(inputs[:n], labels[:n]) for (inputs, labels), n in ((self.train, train), (self.test, test))]
        return dataclasses.replace(self, train=cut[0], test=cut[1])

    def few(self, train: int, test: int) -> "Arrays":
        """Returns the same with the first `train` examples to train on, and up to `test` of all others to test on."""
        inputs, labels = (np.concatenate(parts) for parts in zip(self.train, self.test))
        rest = slice(train, train + test)
        return dataclasses.replace(self, train=(inputs[:train], labels[:train]), test=(inputs[rest], labels[rest]))


def load(name: str) -> Arrays:
    """Returns a data set of pictures or vectors with classes, its examples in an order drawn once.

    Args:
        name: of a data set, `"digits"`, `"mnist"`; an .npz file for the set `"arrays"`; or a folder of pictures, a
            subfolder for each class, which are brought to 32 × 32.

    Raises:
        RequestError: it is not there, or its labels are no classes.

    Example:
        >>> digits = load("digits")
        >>> digits.train[0].shape, digits.num_classes
        ((1438, 8, 8, 1), 10)
    """
    from tf_tricks import data

    asked: dict = {"name": name}
    if os.path.isdir(name):
        asked = {"name": "folder", "path": name, "image_size": 32}
    elif name.endswith(".npz"):
        asked = {"name": "arrays", "file": name}
    splits = data.get({**asked, "validation_fraction": 0.0})
    if splits.test is None:
        splits = data.get({**asked, "validation_fraction": 0.2})
    if not getattr(splits.train, "num_classes", None):
        raise RequestError(f"a lab takes examples with classes, and the labels of {name!r} are none")
    parts = [_shuffled(*_all_of(source)) for source in (splits.train, splits.test or splits.validation)]
    inputs = parts[0][0]
    axes = tuple(range(inputs.ndim - 1))
    mean, deviation = inputs.mean(axes, "float64"), inputs.std(axes, "float64")
    deviation = np.where(deviation > 0, deviation, 1.0)
    return Arrays(parts[0], parts[1], splits.train.num_classes, mean.astype("float32"), deviation.astype("float32"))


def _all_of(source):
    import tensorflow as tf

    indices = tf.range(source.num_examples, dtype=tf.int64)
    batches = [source.fetch(indices[i : i + 1000], indices[i : i + 1000]) for i in range(0, source.num_examples, 1000)]
    inputs = np.concatenate([np.asarray(batch[0], "float32") for batch in batches])
    return inputs, np.concatenate([np.asarray(batch[1], "int32").reshape(-1) for batch in batches])


def _shuffled(inputs, labels):
    order = np.random.default_rng(0).permutation(len(labels))
    return inputs[order], labels[order]
