"""A data set's three parts, and how the validation part is carved from the training examples."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure
from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.labels import CLASSES, Labels
from tf_tricks.data.standardize import mean_and_variance
from tf_tricks.data.structure import map_arrays
from tf_tricks.data.text_labels import encode, is_text, names_of
from tf_tricks.errors import NoClass, RequestError, check_number

SAMPLE = 4096
"""Examples from which mean and variance are estimated where it would take long to read all: to about 0.5 of 255."""


@dataclasses.dataclass(frozen=True)
class Splits:
    """A data set, split.

    Attributes:
        train: source of the training examples (see `tf_tricks.data.sources`).
        validation: source of the examples held out to choose by, or None.
        test: source of the examples to report on, or None.
        mean: the training inputs' mean, a float for each channel or feature; None where nothing is to be standardized;
            of a table, a dict of its columns.
        variance: their variance, likewise.
        name: the data set's name.
        preprocessing: the layer that takes the place of standardization, as `tf_tricks.layers.get` takes it, or None.
        vocabulary: of a table, dict of column to the texts that the training rows hold; else None.
        note: what the reader of the log should know: how large it is, where it is kept, what was left out; or empty.
    """

    train: Any
    validation: Any = None
    test: Any = None
    mean: list | dict | None = None
    variance: list | dict | None = None
    name: str = "arrays"
    preprocessing: Any = None
    vocabulary: dict[str, list[str]] | None = None
    note: str = ""


def carve(
    num_examples: int, validation_fraction: float, seed: int, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Chooses the validation examples.

    They are drawn from all. Where a class that could be in both parts would then be missing in one, they are drawn
    from each class in proportion instead.

    Args:
        num_examples: examples to choose from, n.
        validation_fraction: from 0 to below 1; round(n · validation_fraction) examples are chosen.
        seed: integer from 0 to 2³² − 1 that determines the choice.
        classes: the class of each example, an array [n] of integers, or None.

    Returns:
        (training indices, validation indices), int64 arrays in ascending order; validation is None for a fraction
        of 0.

    Raises:
        RequestError: the fraction is out of its range, or one of the parts would be empty.

    Example:
        >>> train, validation = carve(10, 0.2, seed=0)
        >>> len(train), len(validation)
        (8, 2)
    """
    check_fraction(validation_fraction)
    if validation_fraction == 0:
        return np.arange(num_examples), None
    number = round(num_examples * validation_fraction)
    if not 0 < number < num_examples:
        raise RequestError(
            f"validation_fraction={validation_fraction} of {num_examples} examples leaves "
            f"{num_examples - number} for training and {number} for validation; each needs at least one"
        )
    order = generator(seed).permutation(num_examples)
    if classes is not None and _lacks_a_class(classes, order[:number]):
        order = _in_proportion(classes, order, number)
    return np.sort(order[number:]), np.sort(order[:number])


def _lacks_a_class(classes, chosen):
    count, held_out = np.bincount(classes), np.bincount(classes[chosen], minlength=classes.max() + 1)
    number_of_classes = np.sum(count > 0)
    if min(len(chosen), len(classes) - len(chosen)) < number_of_classes:
        return False  # neither way could have them all
    return bool(np.any((count > 1) & ((held_out == 0) | (held_out == count))))


def _in_proportion(classes, order, number):
    """Returns `order` with its first `number` examples drawn from each class in proportion, at least one of each."""
    by_class = [rows for rows in (order[classes[order] == k] for k in range(classes.max() + 1)) if len(rows)]
    wanted = np.array([len(rows) * number / len(order) for rows in by_class])
    most = np.array([max(1, len(rows) - 1) if len(rows) > 1 else 0 for rows in by_class])
    taken = np.minimum(np.maximum(np.floor(wanted).astype(int), np.minimum(most, 1)), most)
    while (missing := number - taken.sum()) != 0:
        # The largest remainder gains, the smallest loses one, until the number is right.
        gap = (wanted - taken) * np.sign(missing)
        free = taken < most if missing > 0 else taken > np.minimum(most, 1)
        taken[np.argmax(np.where(free, gap, -np.inf))] += np.sign(missing)
    chosen = np.concatenate([rows[:n] for rows, n in zip(by_class, taken)])
    return np.concatenate([chosen, order[~np.isin(order, chosen)]])


def check_fraction(validation_fraction: float) -> None:
    """Raises a `RequestError` if this is no fraction of the examples that can be held out."""
    check_number("validation_fraction", validation_fraction, minimum=0)
    if validation_fraction >= 1:
        raise RequestError(f"validation_fraction must be a number at least 0 and below 1, not {validation_fraction!r}")


def generator(seed: int) -> np.random.RandomState:
    """Returns NumPy's frozen generator (NEP 19): the only one whose draws no later version of NumPy may change."""
    return np.random.RandomState(check_number("seed", seed, minimum=0, maximum=2**32 - 1, integer=True))


def from_arrays(
    x_train: Structure,
    y_train: Structure | None = None,
    x_test: Structure | None = None,
    y_test: Structure | None = None,
    validation_fraction: float | None = None,
    seed: int = 0,
    num_classes: int | None = None,
    label_names: Sequence[str] | None = None,
    name: str = "arrays",
    w_train: Structure | None = None,
    w_test: Structure | None = None,
    x_validation: Structure | None = None,
    y_validation: Structure | None = None,
    w_validation: Structure | None = None,
) -> Splits:
    """Returns the `Splits` of arrays in memory, or in their files (`np.memmap`).

    Args:
        x_train: array [n, ...], or a dict, tuple or list of such, as the model takes them. uint8 images [n, height,
            width] get an axis for their channel; floats become float32, everything else is kept.
        y_train: classes, integers [n] or [n, 1] from 0, or their names as texts [n]; one-hot rows, distributions or
            several classes at once [n, K]; real numbers for regression; any of these for each output, in a dict, tuple
            or list. None for a model that learns without.
        x_test: test inputs, or None for no test part.
        y_test: test labels.
        validation_fraction: the part of the training examples that is held out, from 0 (none) to below 1. By default
            0.1, or 0 where there are `x_validation`.
        seed: determines which.
        num_classes: classes, if there are more than `y_train` shows.
        label_names: their names, or None.
        name: the data set's name.
        w_train: what each training example counts, real numbers [n] at least 0, or None for 1.
        w_test: what each test example counts, likewise.
        x_validation: inputs of a validation part of one's own, or None.
        y_validation: its labels.
        w_validation: what each of its examples counts.

    Raises:
        RequestError: the arrays do not fit each other, or their values cannot be used.

    Example:
        >>> import numpy as np
        >>> splits = from_arrays(np.zeros((20, 8, 8), "uint8"), np.arange(20) % 4)
        >>> splits.train.num_examples, splits.validation.num_examples, splits.train.input_shape, splits.test
        (18, 2, (8, 8, 1), None)
    """
    parts = {
        "train": (x_train, y_train, w_train),
        "validation": (x_validation, y_validation, w_validation),
        "test": (x_test, y_test, w_test),
    }
    if x_validation is not None and validation_fraction:
        raise RequestError(
            f"validation_fraction={validation_fraction} and a validation part of its own cannot both be given"
        )
    fraction = validation_fraction if validation_fraction is not None else 0.1 if x_validation is None else 0
    check_fraction(fraction)
    if is_text(y_train):
        if num_classes is not None or label_names is not None:
            raise RequestError("the labels are texts: they say themselves which classes there are")
        label_names = names_of(y_train)
        for part, (x, y, w) in parts.items():
            parts[part] = x, y if y is None else encode(f"y_{part}", y, label_names), w
        num_classes = len(label_names)
    train = _source("train", *parts["train"], num_classes, label_names)
    others = {part: _other(part, *parts[part], train) for part in ("validation", "test")}
    if fraction:
        classes = None
        if isinstance(train.labels, Labels) and train.labels.kind == CLASSES:
            classes = np.asarray(parts["train"][1]).reshape(-1).astype("int64")
        rows, validation_rows = carve(train.num_examples, fraction, seed, classes)
        train, others["validation"] = train.subset(rows), train.subset(validation_rows)
    in_a_file = any(isinstance(array, np.memmap) for array in tf.nest.flatten(x_train))
    mean, variance = moments_of(train, sample=in_a_file)
    return Splits(train, others["validation"], others["test"], mean, variance, name)


def moments_of(source: Any, sample: bool = False) -> tuple[list[float] | None, list[float] | None]:
    """Returns mean and variance of a source's inputs if these are one array of numbers, else None and None.

    Args:
        source: a source of `tf_tricks.data`.
        sample: whether to look at `SAMPLE` examples only, evenly spaced: what would take long to read.
    """
    single = isinstance(source.input_dtype, str)
    if not single or source.input_dtype == "string" or not source.input_shape:
        return None, None
    if sample:
        rows = np.linspace(0, source.num_examples - 1, min(SAMPLE, source.num_examples)).astype("int64")
        source = source.subset(rows)
    return mean_and_variance(source)


def _other(part, inputs, labels, weights, train):
    """The source of another part than the training examples, None if there is none."""
    if inputs is None:
        if labels is not None or weights is not None:
            raise RequestError(f"x_{part} and y_{part} belong together: give both or neither")
        return None
    if (labels is None) != (train.labels is None):
        raise RequestError(f"x_{part} and y_{part} belong together: give both or neither")
    source = _source(part, inputs, labels, weights, train.num_classes, train.label_names)
    for what in ("input_shape", "input_dtype", "num_outputs"):
        ours, theirs = getattr(train, what), getattr(source, what)
        if ours != theirs:
            raise RequestError(f"{part} and training data differ in {what}: {theirs} and {ours}")
    return source


def _source(part, inputs, labels, weights, num_classes, label_names):
    inputs = map_arrays(lambda array: array if isinstance(array, np.memmap) else np.asarray(array), inputs)
    if isinstance(inputs, np.ndarray) and inputs.ndim == 3 and inputs.dtype == np.uint8:
        inputs = inputs[..., np.newaxis]
    if isinstance(labels, (np.ndarray, list)):
        labels = _as_int32(labels)
    try:
        source = ArraySource(inputs, labels, weights, num_classes, label_names)
        for array in tf.nest.flatten(inputs):
            if 0 in array.shape[1:]:
                raise RequestError(f"the inputs must have at least one number each, not the shape {array.shape[1:]}")
        if isinstance(source.labels, Labels) and source.labels.minimum < 0 and np.asarray(labels).dtype.kind in "bui":
            raise NoClass(f"labels that are integers must be classes, from 0, not {source.labels.minimum}")
        return source
    except RequestError as error:
        raise type(error)(f"x_{part}, y_{part}: {error}") from None


def _as_int32(labels):
    """One integer, or one row of them, for each example as int32, which every device has."""
    labels = labels if isinstance(labels, np.memmap) else map_arrays(np.asarray, labels)
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "bui" and labels.ndim <= 2:
        return np.asarray(labels).astype("int32")
    return labels
