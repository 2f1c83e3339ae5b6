"""The report on an output that says which one of several classes it is."""

from typing import Any

import numpy as np

from tf_tricks.reports import confusion_picture, reliability_picture
from tf_tricks.reports.calibration import Calibration
from tf_tricks.reports.confusion import Confusion, as_csv
from tf_tricks.reports.rows import Rows, by_example, losses_of
from tf_tricks.reports.worst import Worst
from tf_tricks.training.outputs import SCORES, Output

_SCORES = ("precision", "recall", "f1_score", "support")


class OfClasses:
    """Adds up batches, and makes of them what the report holds.

    Args:
        output: of one of several, or of two classes.
    """

    def __init__(self, output: Output):
        self.output = output
        self.names = output.classes or []
        self.confusion = Confusion(len(self.names))
        self.calibration = None if output.gives == SCORES else Calibration()
        self.worst = Worst()

    def add(self, rows: Rows) -> None:
        """Adds the rows of some examples, all of each."""
        predicted = rows.values.argmax(axis=-1)
        right = rows.classes
        self.confusion.add(right, predicted, rows.weights)
        said = rows.values[np.arange(len(predicted)), predicted]
        if self.calibration is not None:
            self.calibration.add(said, predicted == right, rows.weights)
        losses = losses_of(self.output, rows)
        if self.output.shape:
            examples, losses = by_example(rows, losses)
            self.worst.add(losses, example=examples, accuracy=by_example(rows, predicted == right)[1])
            return
        kept = rows.weights > 0
        self.worst.add(
            losses[kept],
            example=rows.examples[kept],
            true=right[kept],
            predicted=predicted[kept],
            said_of_true=rows.values[np.arange(len(right)), right][kept],
            said_of_predicted=said[kept],
        )

    def summary(self) -> dict[str, Any]:
        """Returns what report.json holds."""
        scores = self.confusion.scores(self.names)
        found: dict[str, Any] = {"accuracy": self.confusion.accuracy, **scores, "class_names": self.names}
        found["confusion"] = self.confusion.counts.tolist()
        found["most_confused"] = self.confusion.most_confused(self.names)
        if self.calibration is not None:
            found["calibration"] = self.calibration.summary()
        return found | {"most_wrong": self.most_wrong()}

    def most_wrong(self) -> list[dict[str, Any]]:
        """Returns a dict for each of the examples with the highest loss."""
        kind = "score" if self.output.gives == SCORES else "probability"
        names = {"said_of_true": f"{kind}_of_true", "said_of_predicted": f"{kind}_of_predicted"}
        rows = [{names.get(key, key): value for key, value in row.items()} for row in self.worst.rows()]
        classes = [{key: self.names[row[key]] for key in ("true", "predicted") if key in row} for row in rows]
        return [row | named for row, named in zip(rows, classes)]

    def captions(self) -> list[list[str]]:
        """Returns the lines below the image of each of them."""
        lines = []
        for row in self.most_wrong():
            first = f"#{row['example']}, loss {row['loss']:.3g}"
            if "true" not in row:
                lines.append([first, f"accuracy {row['accuracy']:.3g}"])
                continue
            said_of_true, said_of_predicted = (row[key] for key in row if "_of_" in key)
            lines.append(
                [
                    first,
                    f"true {row['true']}: {said_of_true:.2g}",
                    f"predicted {row['predicted']}: {said_of_predicted:.2g}",
                ]
            )
        return lines

    def files(self, title: str) -> dict[str, bytes]:
        """Returns the report's tables and pictures, by their names.

        Args:
            title: what is evaluated, where the pictures' titles begin.
        """
        each = self.confusion.scores(self.names)["classes"]
        found = {
            "classes.csv": as_csv("class", _SCORES, [(k, [v[score] for score in _SCORES]) for k, v in each.items()]),
            "confusion.csv": as_csv("true \\ predicted", self.names, list(zip(self.names, self.confusion.counts))),
            "confusion.png": confusion_picture.draw(
                self.confusion.counts, self.names, self.names, f"{title}, accuracy {self.confusion.accuracy:.4g}"
            ),
        }
        if self.calibration is not None:
            found["reliability.png"] = reliability_picture.draw(
                self.calibration,
                f"{title}, expected calibration error {self.calibration.error:.3g}",
                "confidence, the probability of the predicted class",
                "accuracy",
            )
        return found

    def lines(self) -> list[str]:
        """Returns what is printed."""
        lines = scores_lines(self.confusion.scores(self.names))
        if self.calibration is not None:
            lines.append(f"expected calibration error {self.calibration.error:.4f}")
        return lines


def scores_lines(scores: dict[str, Any], most: int = 30) -> list[str]:
    """Returns a table of precision, recall, F1 and support, the averages last.

    Args:
        scores: a dict of `classes`, by name, and of averages.
        most: of classes above which only the averages are in it.
    """
    classes = scores["classes"] if len(scores["classes"]) <= most else {}
    averages = {key.replace("_", " "): value for key, value in scores.items() if key.endswith("_average")}
    width = max(map(len, [*classes, *averages]))
    lines = [f"{'':<{width}}  precision  recall      F1  support"]
    for name, row in [*classes.items(), *averages.items()]:
        precision, recall, f1_score, support = (row[key] for key in _SCORES)
        lines.append(f"{name:<{width}}  {precision:>9.4f}  {recall:>6.4f}  {f1_score:>6.4f}  {support:>7g}")
    return lines
