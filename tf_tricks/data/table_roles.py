"""What the columns of a table are to a model: its inputs, what it learns, what an example counts."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_tricks.data.array_source import ArraySource
from tf_tricks.data.columns import Columns, listed
from tf_tricks.data.text_labels import encode


class Roles(NamedTuple):
    """What the columns of a table are.

    Attributes:
        inputs: names of the columns that are inputs.
        texts: which of them are texts, or taken for such.
        targets: names of the columns to learn.
        weight: the column of what each example counts, or None.
        classes: names of the classes, None where the targets are values.
    """

    inputs: Sequence[str]
    texts: Sequence[str]
    targets: Sequence[str]
    weight: str | None
    classes: Sequence[str] | None

    def examples(self, columns: Columns) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        """Returns a table's inputs [n, 1] by their names, labels [n] or [n, d], and weights [n] or None.

        Raises:
            RequestError: a column or a value is missing, or is of another kind.
        """
        for name in (*self.inputs, *self.targets, *listed(self.weight)):
            columns.check(name)
        read = {name: (columns.texts if name in self.texts else columns.numbers)(name) for name in self.inputs}
        weights = None if self.weight is None else columns.numbers(self.weight)
        return {name: values[:, np.newaxis] for name, values in read.items()}, self._labels(columns), weights

    def source(self, inputs: dict[str, np.ndarray], labels: np.ndarray, weights: np.ndarray | None) -> ArraySource:
        """Returns the source of `examples`."""
        return ArraySource(inputs, labels, weights, None if self.classes is None else len(self.classes), self.classes)

    def _labels(self, columns):
        if self.classes is not None:
            (target,) = self.targets
            return encode(f"the column {target!r} of {columns.file!r}", columns.texts(target), self.classes)
        values = np.stack([columns.numbers(target) for target in self.targets], axis=1)
        return values if len(self.targets) > 1 else values[:, 0]


def roles_of(data: Mapping[str, Any], train: ArraySource) -> Roles:
    """Returns the `Roles` of the columns of the tables that a run was trained on.

    Args:
        data: the run's arguments of `tf_tricks.data.table.table`.
        train: its training examples.
    """
    dtypes: dict[str, str] = train.input_dtype
    texts = [name for name, dtype in dtypes.items() if dtype == "string"]
    return Roles(list(dtypes), texts, listed(data["target"]), data.get("weight"), train.label_names)
