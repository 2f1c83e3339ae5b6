"""TensorBoard: curves over updates, examples and epochs, and what else a run has to show."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import api as hparams_api
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams.summary_v2 import hparams_config_pb, hparams_pb
from tensorboard.plugins.image.metadata import create_summary_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

from tf_tricks.annotations import Tensor

DESCRIPTIONS = {
    "loss": "mean loss of the examples since the line before, with L2; of a validation or test set, over all of it",
    "learning_rate": "of the last update",
    "batch_size": "examples an update, over all devices",
    "noise_scale": "SGD's noise scale η/(1−m) · (N/b − 1): decay of η and growth of b lower it in the same way",
    "gradient_norm": "|g| of the last update, before clipping, with L2",
    "weight_norm": "|θ| of all trainable variables",
    "examples_per_second": "since the line before, without validation and checkpoints",
    "epoch": "how far the run is, examples seen / examples of the training set",
    "examples_seen": "how far the run is",
}
_BY_EXAMPLES = "by_examples_seen/"
_BY_EPOCH = "by_epoch/"
_DIAGNOSES = ("gradient_norm", "weight_norm", "examples_per_second", "noise_scale")


class TensorBoard:
    """Writes scalars, histograms, texts and images for TensorBoard.

    Args:
        folder: the log directory; may be remote.
        first_step: what a run before this one wrote from this step on is dropped from the curves; None drops nothing.
    """

    def __init__(self, folder: str | os.PathLike[str], first_step: int | None = 0):
        self._writer = EventFileWriter(str(folder), flush_secs=20)
        if first_step is not None:
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=first_step, session_log=start))

    def scalars(self, step: int, values: Mapping[str, float], group: str = "", what: str = "") -> None:
        """Writes each number of the dict `values` at `step`, under the heading `group` and described by `what`."""
        for name, value in values.items():
            text = DESCRIPTIONS.get(name.split("/")[0], "")
            self._add(step, scalar_pb(group + name, value, "; ".join(filter(None, [text, what])) or None))

    def line(self, step: int, values: dict[str, float], epoch: float, examples_seen: int) -> None:
        """Writes a log line over the updates, and the results in it over the examples seen.

        Runs whose batches differ can be laid over each other by the examples, for their updates are not the same.
        """
        self.scalars(step, values | {"epoch": epoch, "examples_seen": examples_seen})
        results = {name: value for name, value in values.items() if name not in _DIAGNOSES}
        self.scalars(examples_seen, results, _BY_EXAMPLES, "x: examples seen")

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Writes the results of a whole epoch, `number` counted from 1, over the epochs."""
        self.scalars(number, values, _BY_EPOCH, "of the whole epoch; x: epochs")

    def settings(self, settings: Mapping[str, Any], name: str) -> None:
        """Writes a dict of settings for the HParams page, where the run has this name."""
        values = {k: v if isinstance(v, (bool, int, float, str)) else json.dumps(v) for k, v in settings.items()}
        self._add(0, hparams_pb(values, trial_id=name))

    def experiment(self, settings: Mapping[str, Any], metrics: Mapping[str, str]) -> None:
        """Writes which settings and results of the runs below this folder the HParams page has as columns.

        Args:
            settings: dict of name to the values that it has in the runs, all of them numbers, texts or truth values.
            metrics: dict of the tag of a scalar to what the page calls it.
        """
        hparams = [hparams_api.HParam(name, _domain(values)) for name, values in settings.items()]
        shown = [hparams_api.Metric(tag, display_name=name) for tag, name in metrics.items()]
        self._add(0, hparams_config_pb(hparams, shown))

    def end_settings(self) -> None:
        """Tells the HParams page that the run has ended well."""
        ended = hparams_summary.session_end_pb(api_pb2.STATUS_SUCCESS)  # of TensorFlow's class, which is another
        self._add(0, summary_pb2.Summary.FromString(ended.SerializeToString()))

    def text(self, step: int, tag: str, markdown: str) -> None:
        """Writes a text, shown as Markdown."""
        self._add(step, text_pb(tag, markdown))

    def histogram(self, step: int, tag: str, values: Tensor) -> None:
        """Writes the histogram of an array."""
        self._add(step, histogram_pb(tag, np.asarray(values)))

    def image(self, step: int, tag: str, png: bytes) -> None:
        """Writes an image, given as the bytes of a PNG file."""
        width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))  # where every PNG has them
        tensor = make_tensor_proto([str(width).encode(), str(height).encode(), png])
        metadata = create_summary_metadata(display_name=None, description=None)
        self._add(step, summary_pb2.Summary(value=[dict(tag=tag, metadata=metadata, tensor=tensor)]))

    def flush(self) -> None:
        """Writes out what is still in memory."""
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the file."""
        self._writer.close()

    def _add(self, step, summary):
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))


def _domain(values):
    """The slider, or the list of boxes to tick, by which the HParams page selects runs."""
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return hparams_api.RealInterval(float(min(values)), float(max(values)))
    return hparams_api.Discrete(sorted(set(values)))


def as_markdown(settings: Mapping[str, Any]) -> str:
    """Returns flat settings as a table in Markdown."""
    rows = [f"| {key} | `{json.dumps(value, default=repr)}` |" for key, value in settings.items()]
    return "\n".join(["| key | value |", "|---|---|", *rows])
