"""The report on an output that says of several classes at once whether each is there."""

from typing import Any

import numpy as np

from tf_tricks.reports import confusion_picture, reliability_picture
from tf_tricks.reports.calibration import Calibration
from tf_tricks.reports.confusion import as_csv
from tf_tricks.reports.of_classes import scores_lines
from tf_tricks.reports.rows import Rows, by_example, losses_of
from tf_tricks.reports.worst import Worst
from tf_tricks.training.outputs import SCORES, Output

_KINDS = ("there, found", "there, missed", "not there, found", "not there, not found")
_COLUMNS = ("true_positives", "false_negatives", "false_positives", "true_negatives")
_SCORES = ("precision", "recall", "f1_score", "support")


class OfSeveral:
    """Adds up batches, and makes of them what the report holds; a class is found where its probability is above 1/2.

    Args:
        output: of several classes at once.
    """

    def __init__(self, output: Output):
        self.output = output
        self.names = output.classes or []
        self._threshold = 0.0 if output.gives == SCORES else 0.5
        self.counts = np.zeros((len(self.names), 4))  # as _COLUMNS
        self._rows, self._exact = 0.0, 0.0
        self.calibration = None if output.gives == SCORES else Calibration()
        self.worst = Worst()

    def add(self, rows: Rows) -> None:
        """Adds the rows of some examples, all of each."""
        found, there, weights = rows.values > self._threshold, rows.labels > 0.5, rows.weights
        for i, kind in enumerate((there & found, there & ~found, ~there & found, ~there & ~found)):
            self.counts[:, i] += weights @ kind
        self._rows += weights.sum()
        self._exact += weights @ (there == found).all(axis=-1)
        if self.calibration is not None:
            number = rows.values.shape[-1]
            self.calibration.add(rows.values.ravel(), there.ravel().astype("float64"), np.repeat(weights, number))
        losses = losses_of(self.output, rows)
        if self.output.shape:
            examples, losses = by_example(rows, losses)
            self.worst.add(losses, example=examples)
            return
        kept = weights > 0
        columns = dict(true=there[kept], predicted=found[kept], values=rows.values[kept])
        self.worst.add(losses[kept], example=rows.examples[kept], **columns)

    def scores(self) -> dict[str, Any]:
        """Returns precision, recall, F1 and support of each class and their averages, as scikit-learn has them."""
        each = _scores(self.counts)
        support = each["support"]
        total = support.sum()
        shares = support / total if total else np.full(len(support), np.nan)
        averages = {
            "micro_average": {key: value[0] for key, value in _scores(self.counts.sum(axis=0)[None]).items()},
            "macro_average": {key: each[key].mean() for key in _SCORES[:3]} | {"support": total},
            "weighted_average": {key: shares @ each[key] for key in _SCORES[:3]} | {"support": total},
        }
        classes = {name: {key: float(each[key][i]) for key in _SCORES} for i, name in enumerate(self.names)}
        return {"classes": classes} | {
            name: {key: float(value) for key, value in average.items()} for name, average in averages.items()
        }

    def summary(self) -> dict[str, Any]:
        """Returns what report.json holds."""
        wrong = self.counts[:, 1:3].sum() / (self._rows * len(self.names))
        found: dict[str, Any] = {"exact_match": float(self._exact / self._rows), "hamming_loss": float(wrong)}
        found |= self.scores() | {"class_names": self.names}
        found["confusion"] = {name: dict(zip(_COLUMNS, row.tolist())) for name, row in zip(self.names, self.counts)}
        if self.calibration is not None:
            found["calibration"] = self.calibration.summary()
        return found | {"most_wrong": self.most_wrong()}

    def most_wrong(self) -> list[dict[str, Any]]:
        """Returns a dict for each of the examples with the highest loss."""
        kind = "scores" if self.output.gives == SCORES else "probabilities"
        rows = []
        for row in self.worst.rows():
            if "true" in row:
                named = {key: [n for n, one in zip(self.names, row[key]) if one] for key in ("true", "predicted")}
                row = row | named | {kind: dict(zip(self.names, row["values"]))}
                del row["values"]
            rows.append(row)
        return rows

    def captions(self) -> list[list[str]]:
        """Returns the lines below the image of each of them."""
        lines = []
        for row in self.most_wrong():
            named = [f"{key}: {', '.join(row[key]) or 'none'}" for key in ("true", "predicted") if key in row]
            lines.append([f"#{row['example']}, loss {row['loss']:.3g}", *named])
        return lines

    def files(self, title: str) -> dict[str, bytes]:
        """Returns the report's tables and pictures, by their names; arguments as of `OfClasses.files`."""
        scores = self.scores()
        each = [(name, [row[score] for score in _SCORES]) for name, row in scores["classes"].items()]
        heading = f"{title}, micro F1 {scores['micro_average']['f1_score']:.4g}"
        found = {
            "classes.csv": as_csv("class", _SCORES, each),
            "confusion.csv": as_csv("class", _COLUMNS, list(zip(self.names, self.counts))),
            "confusion.png": confusion_picture.draw(self.counts, self.names, _KINDS, heading, "class", ""),
        }
        if self.calibration is not None:
            found["reliability.png"] = reliability_picture.draw(
                self.calibration,
                f"{title}, expected calibration error {self.calibration.error:.3g}",
                "probability, of each class of each example",
                "frequency",
            )
        return found

    def lines(self) -> list[str]:
        """Returns what is printed."""
        lines = scores_lines(self.scores())
        if self.calibration is not None:
            lines.append(f"expected calibration error {self.calibration.error:.4f}")
        return lines


def _scores(counts):
    """Of each row of counts; 0 where there is nothing to divide by, as in scikit-learn."""
    there, missed, wrong = counts[:, 0], counts[:, 1], counts[:, 2]
    divided = [
        np.divide(there, below, out=np.zeros(len(counts)), where=below > 0)
        for below in (there + wrong, there + missed, there + (missed + wrong) / 2)
    ]
    return dict(zip(_SCORES, [*divided, there + missed]))
