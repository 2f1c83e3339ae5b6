"""What a run tells: metrics.jsonl, TensorBoard, the progress bar and the table of parameters."""

import json
import math
import os
import time

import numpy as np
import tqdm
from etils import epath
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.image.metadata import create_summary_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

from tf_tricks.training.checkpoint import write_atomically


def numbers(values):
    """Returns a dict of numbers: an array, as metrics of each class are, becomes one for each of its elements.

    Example:
        >>> numbers({"loss": 0.5, "f1": np.array([0.25, 1.0])})
        {'loss': 0.5, 'f1/0': 0.25, 'f1/1': 1.0}
    """
    flat = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            flat |= {f"{name}/{i}": float(element) for i, element in enumerate(value.ravel())}
        else:
            flat[name] = value
    return flat


class MetricsFile:
    """Appends one JSON object a line to a file, and can be cut back to what a checkpoint knew.

    Args:
        path: the file; may be remote.
    """

    def __init__(self, path):
        self._path = epath.Path(path)

    def cut(self, size):
        """Leaves the first `size` bytes; what was written after the checkpoint will be written again."""
        if self._path.exists() and self._path.stat().length > size:
            write_atomically(self._path, self._path.read_bytes()[:size])

    def write(self, **values):
        """Appends a line; a value that JSON has no number for (NaN, infinity) becomes null."""
        values = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        with self._path.open("a") as file:
            file.write(json.dumps(values) + "\n")

    def size(self):
        """Returns the size in bytes, once a local disk has all of it."""
        if not self._path.exists():
            return 0
        if os.path.exists(self._path):
            with open(self._path, "rb") as file:
                os.fsync(file.fileno())
        return self._path.stat().length


class TensorBoard:
    """Writes scalars, histograms, texts and images for TensorBoard.

    Args:
        folder: the log directory; may be remote.
        first_step: what a run before this one wrote from this step on is dropped from the curves.
    """

    def __init__(self, folder, first_step=0):
        self._writer = EventFileWriter(str(folder), flush_secs=20)
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=first_step, session_log=start))

    def scalars(self, step, values):
        """Writes each number of the dict `values` at `step`."""
        for tag, value in values.items():
            self._add(step, scalar_pb(tag, value))

    def text(self, step, tag, markdown):
        """Writes a text, shown as Markdown."""
        self._add(step, text_pb(tag, markdown))

    def histogram(self, step, tag, values):
        """Writes the histogram of an array."""
        self._add(step, histogram_pb(tag, np.asarray(values)))

    def image(self, step, tag, png):
        """Writes an image, given as the bytes of a PNG file."""
        width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))  # where every PNG has them
        tensor = make_tensor_proto([str(width).encode(), str(height).encode(), png])
        metadata = create_summary_metadata(display_name=None, description=None)
        self._add(step, summary_pb2.Summary(value=[dict(tag=tag, metadata=metadata, tensor=tensor)]))

    def flush(self):
        """Writes out what is still in memory."""
        self._writer.flush()

    def close(self):
        """Flushes and closes the file."""
        self._writer.close()

    def _add(self, step, summary):
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))


class ProgressBar:
    """A bar with the rate in examples a second and the time left; silent where the output is no terminal.

    Args:
        total_examples: examples of the whole run.
        examples_seen: where it starts.
        total_epochs: epochs of the whole run.
        show: whether to print anything at all.
    """

    def __init__(self, total_examples, examples_seen, total_epochs, show=True):
        self.total_epochs = math.ceil(total_epochs)
        self._show = show
        self._bar = tqdm.tqdm(
            total=total_examples,
            initial=examples_seen,
            unit="ex",
            unit_scale=True,
            dynamic_ncols=True,
            disable=None if show else True,
            leave=False,
        )

    def advance(self, epoch, examples, loss):
        """Moves on by `examples`; `epoch` counts from 0."""
        self._bar.set_description(f"epoch {epoch + 1}/{self.total_epochs}", refresh=False)
        self._bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
        self._bar.update(examples)

    def epoch_line(self, epoch, logs):
        """Prints one line of results above the bar."""
        if self._show:
            results = "  ".join(f"{name} {value:.4g}" for name, value in numbers(logs).items())
            tqdm.tqdm.write(f"epoch {epoch + 1}/{self.total_epochs}  {results}")

    def close(self):
        """Takes the bar away."""
        self._bar.close()


def parameter_table(model, most_rows=24):
    """Returns a table of the layers that hold weights: name, type, output shape, parameters.

    Args:
        model: a built `keras.Model`.
        most_rows: in a longer table the middle is left out.
    """
    rows = [
        (layer.name, type(layer).__name__, str(_output_shape(layer)), f"{layer.count_params():,}")
        for layer in model._flatten_layers(include_self=False)
        if layer.weights and not getattr(layer, "layers", None)
    ]
    if len(rows) > most_rows:
        half = most_rows // 2
        left_out = f"… {len(rows) - 2 * half} more layers"
        rows = rows[:half] + [(left_out, "", "", "")] + rows[-half:]
    rows = [("layer", "type", "output", "parameters"), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in rows]
    trainable = sum(math.prod(v.shape) for v in model.trainable_variables)
    return "\n".join([*lines, f"{model.count_params():,} parameters, {trainable:,} of them trained"])


def _output_shape(layer):
    try:
        return tuple(layer.output.shape[1:])
    except (AttributeError, ValueError):
        return ""
