"""The report on a model's predictions for a data set: tables, pictures, and all of it in report.json."""

import csv
import dataclasses
import io
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.data import Source
from tf_tricks.data.in_order import placed_in_order
from tf_tricks.engines import engine
from tf_tricks.errors import RequestError
from tf_tricks.reports import sheet
from tf_tricks.reports.of_classes import OfClasses
from tf_tricks.reports.of_numbers import OfNumbers
from tf_tricks.reports.of_several import OfSeveral
from tf_tricks.reports.rows import rows_of
from tf_tricks.training.metrics_file import numbers
from tf_tricks.training.output_structure import aligned
from tf_tricks.training.outputs import NUMBERS, SEVERAL_CLASSES, outputs_of, outputs_of_one

_AT_ONCE = 2**22  # numbers of an output that are looked at together: a batch of segmentations has many more


@dataclasses.dataclass
class Report:
    """What `report_on` makes.

    Attributes:
        files: the content of each file by its path in the report's folder; report.json is the last.
        pictures: PNG files for TensorBoard, by tag.
        lines: what is printed.
    """

    files: dict[str, bytes]
    pictures: dict[str, bytes]
    lines: list[str]


def report_on(trainer: Any, source: Source, what: str, results: Mapping[str, Any]) -> Report:
    """Returns the `Report` on a trainer's model.

    Every example is predicted once; neither inputs nor predictions are held.

    Args:
        trainer: `Trainer`, which has evaluated the source.
        source: of the examples; their weights count.
        what: what the source is called, `"test"`.
        results: loss and metrics, for report.json.

    Raises:
        RequestError: there are labels that cannot be compared with the outputs.
    """
    outputs = outputs_of(trainer.model, source)
    parts, weighted = _gathered(trainer, source, outputs)
    if not any(parts):
        raise RequestError("there are labels for none of the outputs, so there is nothing to report on")
    made, summaries = Report({}, {}, []), {}
    for output, part in zip(outputs, parts):
        if part is not None:
            folder = f"{output.name.replace('/', '_')}/" if output.name else ""
            heading = f"{what}: {source.num_examples:,} examples{f', {output.name}' if folder else ''}"
            files = part.files(heading) | _most_wrong(part, source, heading)
            said = {"task": output.task, "gives": output.gives, "assumed": output.assumed}
            summaries[output.name] = said | part.summary()
            if folder:
                files["report.json"] = _json(summaries[output.name])
                made.lines.append(f"{output.name}:")
            made.lines += part.lines()
            for name, content in files.items():
                made.files[folder + name] = content
                if name.endswith(".png"):
                    made.pictures[f"report/{folder}{name.removesuffix('.png')}"] = content
    summary = {"data": what, "examples": source.num_examples, "weighted": weighted, "results": numbers(results)}
    made.files["report.json"] = _json(summary | (summaries.get("") or {"outputs": summaries}))
    return made


def _gathered(trainer, source, outputs):
    """What of each output the predictions add up to, None where there are no labels; and whether there are weights."""
    structure, names = outputs_of_one(trainer.model, source), [output.name for output in outputs]
    predict = engine().Prediction(trainer.strategy, trainer.model, "evaluation_batch_size")
    parts: list[Any] = [None] * len(outputs)
    for start, examples in placed_in_order(source, trainer.evaluation_size()):
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(examples)
        values, masks = predict(inputs, start)
        of_each = zip(aligned(structure, labels, names), aligned(structure, weights, names))
        for i, (label, weight) in enumerate(of_each):
            if label is not None:
                parts[i] = parts[i] or _part(outputs[i], source.num_examples)
                _add(parts[i], outputs[i], label, values[i], masks[i], weight, start)
    return parts, weights is not None


def _part(output, num_examples):
    if output.task == NUMBERS:
        return OfNumbers(output, num_examples)
    return OfSeveral(output) if output.task == SEVERAL_CLASSES else OfClasses(output)


def _add(part, output, labels, values, mask, weights, start):
    """Adds a batch, some examples at a time."""
    step = max(1, _AT_ONCE * len(values) // max(1, values.size))
    for first in range(0, len(values), step):
        own = slice(first, first + step)
        given = None if weights is None else weights[own]
        part.add(rows_of(output, labels[own], values[own], mask[own], given, start + first))


def _most_wrong(part, source, heading):
    """The files of the examples that the model is most wrong about."""
    rows = part.most_wrong()
    files = {"most_wrong.csv": _as_table(rows)}
    if rows and sheet.shows(source):
        indices = tf.constant([row["example"] for row in rows], tf.int64)
        images = np.asarray(source.fetch(indices, indices)[0])
        files["most_wrong.png"] = sheet.draw(images, part.captions(), f"{heading}, the {len(rows)} most wrong")
    return files


def _as_table(rows):
    """A CSV file of dicts; lists and dicts of numbers become columns."""
    flat = []
    for row in rows:
        cells: dict[str, Any] = {}
        for key, value in row.items():
            if isinstance(value, list) and any(isinstance(one, str) for one in value):
                value = "|".join(value)
            parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
            cells |= {key: value} if parts is None else {f"{key}_{name}": one for name, one in parts}
        flat.append(cells)
    file = io.StringIO()
    writer = csv.DictWriter(file, list(dict.fromkeys(key for cells in flat for key in cells)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return file.getvalue().encode()


def _json(summary):
    text = json.dumps(_plain(summary), indent=2, ensure_ascii=False)
    in_lines = re.compile(r"\[\n([-\d.eE+,\s]+)\n\s*\]")  # no text in JSON has a newline
    return (in_lines.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n").encode()


def _plain(value):
    """What JSON has a number for; of NaN and infinity it has none."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if isinstance(value, float) and value == int(value) else value
