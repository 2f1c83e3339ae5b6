"""A data set's three parts, and how the validation part is carved from the training examples."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_tricks.annotations import Tensor
from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.labels import CLASSES
from tf_tricks.data.standardize import mean_and_variance
from tf_tricks.errors import RequestError, check_number


@dataclasses.dataclass(frozen=True)
class Splits:
    """A data set, split.

    Attributes:
        train: source of the training examples (see `tf_tricks.data.sources`).
        validation: source of the examples held out to choose by, or None.
        test: source of the examples to report on, or None.
        mean: the training inputs' mean, a float for each channel or feature; None where nothing is to be standardized.
        variance: their variance, likewise.
        name: the data set's name.
        preprocessing: the layer that takes the place of standardization, as `tf_tricks.layers.get` takes it, or None.
    """

    train: Any
    validation: Any = None
    test: Any = None
    mean: list | None = None
    variance: list | None = None
    name: str = "arrays"
    preprocessing: Any = None


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
    x_train: Tensor,
    y_train: Tensor,
    x_test: Tensor | None = None,
    y_test: Tensor | None = None,
    validation_fraction: float = 0.1,
    seed: int = 0,
    num_classes: int | None = None,
    label_names: Sequence[str] | None = None,
    name: str = "arrays",
    w_train: Tensor | None = None,
    w_test: Tensor | None = None,
) -> Splits:
    """Returns the `Splits` of arrays in memory.

    Args:
        x_train: vectors [n, d], gray images [n, height, width] or images [n, height, width, channels]; uint8 is kept,
            all else becomes float32.
        y_train: classes, integers [n] or [n, 1] from 0; one-hot rows, distributions or several classes at once [n, K];
            or, for regression, real numbers [n, d] or [n].
        x_test: test inputs, or None for no test part.
        y_test: test labels.
        validation_fraction: the part of the training examples that is held out, from 0 (none) to below 1.
        seed: determines which.
        num_classes: classes, if there are more than `y_train` shows.
        label_names: their names, or None.
        name: the data set's name.
        w_train: what each training example counts, real numbers [n] at least 0, or None for 1.
        w_test: what each test example counts, likewise.

    Raises:
        RequestError: the arrays do not fit each other, or their values cannot be used.

    Example:
        >>> import numpy as np
        >>> splits = from_arrays(np.zeros((20, 8, 8), "uint8"), np.arange(20) % 4)
        >>> splits.train.num_examples, splits.validation.num_examples, splits.train.input_shape, splits.test
        (18, 2, (8, 8, 1), None)
    """
    train = _source("train", x_train, y_train, w_train, num_classes, label_names)
    test = None
    if (x_test is None) != (y_test is None):
        raise RequestError("x_test and y_test belong together: give both or neither")
    if x_test is not None:
        test = _source("test", x_test, y_test, w_test, train.num_classes, label_names)
        for what in ("input_shape", "input_dtype", "num_outputs"):
            ours, theirs = getattr(train, what), getattr(test, what)
            if ours != theirs:
                raise RequestError(f"test and training data differ in {what}: {theirs} and {ours}")
    classes = np.asarray(y_train).reshape(-1) if train.labels.kind == CLASSES else None
    rows, validation_rows = carve(train.num_examples, validation_fraction, seed, classes)
    validation = None
    if validation_rows is not None:
        train, validation = train.subset(rows), train.subset(validation_rows)
    mean, variance = mean_and_variance(train)
    return Splits(train, validation, test, mean, variance, name)


def _source(part, inputs, labels, weights, num_classes, label_names):
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    if inputs.ndim == 3:
        inputs = inputs[..., np.newaxis]
    if inputs.dtype != np.uint8 and inputs.dtype.kind in "bui":
        inputs = inputs.astype("float32")
    if labels.dtype.kind in "bui":
        labels = labels.astype("int32")
    try:
        if inputs.ndim not in (2, 4) or 0 in inputs.shape[1:]:
            raise RequestError(
                "the inputs must be vectors [n, d] or images [n, height, width] or [n, height, width, channels], "
                f"not {list(inputs.shape)}"
            )
        if labels.dtype.kind in "bui" and labels.size and labels.min() < 0:
            raise RequestError(f"labels that are integers must be classes, from 0, not {labels.min()}")
        return ArraySource(inputs, labels, weights, num_classes, label_names)
    except RequestError as error:
        raise RequestError(f"x_{part}, y_{part}: {error}") from None
