"""What a run tells while it trains: lines in metrics.jsonl, TensorBoard, the progress."""

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tqdm
from etils import epath

from tf_tricks.errors import RunError, check_number
from tf_tricks.storage import Mirror, path_of
from tf_tricks.training.metrics_file import MetricsFile, numbers
from tf_tricks.training.profiler import Profiler
from tf_tricks.training.progress_bar import progress_of
from tf_tricks.training.settings import flattened
from tf_tricks.training.state import Progress
from tf_tricks.training.tensorboard import TensorBoard, as_markdown
from tf_tricks.training.workdir import writing


class RunLog:
    """Writes and shows what it is given, between `start` and the end of its context.

    Args:
        workdir: the run's folder, local or remote; None shows the progress only.
        verbose: 0 prints nothing.
        log_every: updates between log lines; there is one at the end of each epoch, too.
        histograms: whether to write histograms of the weights after each epoch.
        profile_steps: (first, last) update to profile for TensorBoard, or None.
        settings: a dict that TensorBoard shows, on its HParams page beside the results, too.
    """

    def __init__(
        self,
        workdir: epath.PathLike | None,
        verbose: int,
        log_every: int,
        histograms: bool = False,
        profile_steps: Sequence[int] | None = None,
        settings: Mapping[str, Any] | tuple[()] = (),
    ):
        self.log_every = check_number("log_every", log_every, minimum=1, integer=True)
        self.verbose = verbose
        self.path: Any = None if workdir is None else path_of(workdir)
        self._histograms = histograms
        self._settings = flattened(dict(settings))
        self._mirror = Mirror(self.path / "tensorboard" if self.path else None)
        self._profiler = Profiler(profile_steps, None if workdir is None else self._mirror.local / "train")
        self._metrics: Any = MetricsFile(self.path / "metrics.jsonl") if self.path else None
        self._boards: dict[str, TensorBoard] = {}
        self._resources = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, kind, *exception):
        self._profiler.stop()
        self._resources.close()
        with contextlib.closing(self._mirror), contextlib.suppress(*[OSError, RunError] if kind else []):
            self._keep()

    def start(self, progress: Progress, num_examples: int, total_epochs: float, size: int) -> None:
        """Goes on after what was written up to a checkpoint, or begins.

        Args:
            progress: `Progress` of the run.
            num_examples: examples of the training set.
            total_epochs: how long the run is to be.
            size: what `size()` was then; what was written since is dropped and will be written again.
        """
        self._num_examples, self._start = num_examples, progress.step
        total = round(total_epochs * num_examples)
        self._progress = progress_of(total, progress.examples_seen, total_epochs, self.verbose)
        self._resources.callback(self._progress.close)
        self._profiler.after(progress.step)
        if self.path is not None:
            with writing(self.path):
                self._metrics.cut(size)
                for split in ("train", "validation"):
                    self._board(split)
                self._board("").settings(self._settings, self.path.name)
                self._board("").text(0, "settings", as_markdown(self._settings))

    def size(self) -> int:
        """Returns how much is written for good, for a checkpoint to keep; what TensorBoard shows is written, too."""
        for board in self._boards.values():
            board.flush()
        return self._keep()

    def wants_control(self, step: int) -> bool:
        """Returns whether the compiled loop should return to Python after update number `step`."""
        return self.is_due(step) or self._profiler.wants_control(step)

    def is_due(self, step: int) -> bool:
        """Returns whether there is a line after update number `step`."""
        return step % self.log_every == 0

    def advance(self, step: int, epoch: int, examples: int, loss: float) -> None:
        """Shows that so many more examples are trained; `epoch` counts from 0."""
        self._progress.advance(epoch, examples, loss)
        self._profiler.after(step)

    def line(self, split: str, progress: Progress, values: Mapping[str, Any], **notes: str) -> None:
        """Writes a line: `split` is "train", "validation" or "test", `values` a dict of name to number or array.

        What else there is to say goes into metrics.jsonl only.
        """
        if self.path is None:
            return
        values = numbers(values)
        place = {"epoch": progress.examples_seen / self._num_examples, "examples_seen": progress.examples_seen}
        with writing(self.path):
            self._metrics.write(split=split, **notes, step=progress.step, **place, **values, wall_time=time.time())
            self._board(split).line(progress.step, values, **place)

    def tell(self, text: str) -> None:
        """Prints a line, above the bar if there is one."""
        if self.verbose:
            tqdm.tqdm.write(text)

    def end_epoch(self, epoch: int, logs: Mapping[str, Any], step: int, variables: Iterable[Any]) -> None:
        """Shows the results of an epoch, counted from 0, and draws histograms of the variables."""
        self._progress.epoch_line(epoch, logs)
        if self.path is None:
            return
        splits: dict[str, dict[str, Any]] = {"train": {}, "validation": {}}
        for name, value in numbers(logs).items():
            splits["validation" if name.startswith("val_") else "train"][name.removeprefix("val_")] = value
        for split, values in splits.items():
            self._board(split).epoch(epoch + 1, values)
        if self._histograms:
            for variable in variables:
                self._board("train").histogram(step, f"weights/{variable.path}", variable)
        for board in self._boards.values():
            board.flush()
        with writing(self.path):
            self._mirror.upload(now=False)

    def image(self, tag: str, png: bytes) -> None:
        """Shows the bytes of a PNG file in TensorBoard."""
        if self.path is not None:
            self._board("train").image(0, tag, png)

    def end(self) -> None:
        """Tells TensorBoard that the run has come to its end, and writes all that there is."""
        if self.path is not None:
            self._board("").end_settings()
            self.size()

    def _keep(self):
        if self.path is None:
            return 0
        with writing(self.path):
            self._mirror.upload()
            return self._metrics.size()

    def _board(self, split):
        if split not in self._boards:
            board = TensorBoard(self._mirror.local / split, self._start + 1)
            self._boards[split] = board
            self._resources.callback(board.close)
        return self._boards[split]
