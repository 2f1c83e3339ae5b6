"""The report on an output of numbers."""

import math
from typing import Any

import numpy as np

from tf_tricks.reports import scatter_picture
from tf_tricks.reports.confusion import as_csv
from tf_tricks.reports.errors_of_numbers import ErrorsOfNumbers
from tf_tricks.reports.rows import Rows, by_example, losses_of
from tf_tricks.reports.worst import Worst
from tf_tricks.training.outputs import Output

MOST_POINTS = 5000
"""Of the scatter plot, evenly from all examples."""

_ERRORS = ("mean_absolute_error", "root_mean_squared_error", "r2")


class OfNumbers:
    """Adds up batches, and makes of them what the report holds.

    Args:
        output: of numbers.
        num_examples: n.
    """

    def __init__(self, output: Output, num_examples: int):
        self.output = output
        self.errors = ErrorsOfNumbers()
        self.worst = Worst()
        self._num_rows, self._counted = num_examples * max(1, math.prod(n or 1 for n in output.shape)), 0
        self._step = max(1, math.ceil(self._num_rows / MOST_POINTS))
        self._points: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, rows: Rows) -> None:
        """Adds the rows of some examples, all of each."""
        self.errors.add(rows.labels, rows.values, rows.weights)
        chosen = slice(-self._counted % self._step, None, self._step)
        counts = rows.weights[chosen] > 0
        self._points.append((rows.labels[chosen][counts], rows.values[chosen][counts]))
        self._counted += len(rows.weights)
        errors = losses_of(self.output, rows)
        if self.output.shape:
            examples, squares = by_example(rows, errors**2)
            self.worst.add(np.sqrt(squares), example=examples)
            return
        kept = rows.weights > 0
        self.worst.add(errors[kept], example=rows.examples[kept], true=rows.labels[kept], predicted=rows.values[kept])

    def summary(self) -> dict[str, Any]:
        """Returns what report.json holds."""
        each = self.errors.each()
        several = {"each": {key: [_or_none(v) for v in each[key]] for key in _ERRORS}} if self.output.size > 1 else {}
        return self.errors.summary() | several | {"most_wrong": self.most_wrong()}

    def most_wrong(self) -> list[dict[str, Any]]:
        """Returns a dict for each of the examples with the largest errors: a number, or a list where there are more."""
        rows = []
        for row in self.worst.rows():
            row["error"] = row.pop("loss")
            for key in ("true", "predicted"):
                if key in row and self.output.size == 1:
                    row[key] = row[key][0]
            rows.append(row)
        return rows

    def captions(self) -> list[list[str]]:
        """Returns the lines below the image of each of them."""
        return [
            [f"#{row['example']}, error {row['error']:.3g}"]
            + [f"{key} {_shown(row[key])}" for key in ("true", "predicted") if key in row]
            for row in self.most_wrong()
        ]

    def files(self, title: str) -> dict[str, bytes]:
        """Returns the report's tables and pictures, by their names; arguments as of `OfClasses.files`."""
        labels, values = (np.concatenate(parts) for parts in zip(*self._points))
        each, number = self.errors.each(), self.output.size
        names = ["" if number == 1 else f"{i}: " for i in range(number)]
        titles = [f"{name}RMSE {e:.3g}, R² {r:.3g}" for name, e, r in zip(names, each[_ERRORS[1]], each["r2"])]
        if len(labels) < self._counted:
            title += f", {len(labels):,} of them drawn"
        if number > scatter_picture.MOST_PLOTS:
            title += f", the first {scatter_picture.MOST_PLOTS} of {number} numbers"
        rows = [(str(i), [each[key][i] for key in _ERRORS]) for i in range(number)]
        return {
            "numbers.csv": as_csv("number", _ERRORS, rows),
            "scatter.png": scatter_picture.draw(labels, values, titles, title),
        }

    def lines(self) -> list[str]:
        """Returns what is printed."""
        found = self.errors.summary()
        r2 = "none, they are constant" if found["r2"] is None else f"{found['r2']:.4f}"
        return [f"MAE {found[_ERRORS[0]]:.4g}  RMSE {found[_ERRORS[1]]:.4g}  R² {r2}"]


def _or_none(value):
    return float(value) if np.isfinite(value) else None


def _shown(value):
    values = value if isinstance(value, list) else [value]
    return ", ".join(f"{one:.3g}" for one in values[:4]) + (", …" if len(values) > 4 else "")
